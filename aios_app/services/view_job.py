"""Look at jobs' sessions from a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aios_app.domain.errors import NotNow, UnknownJob
from aios_app.domain.models import Job, JobState
from aios_app.domain.screens import last_words
from aios_app.services.attach_job import attach_job
from aios_app.services.context import Context
from aios_app.services.find_jobs import find_jobs

#: As many lines as tmux keeps.
_MAX_LINES = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A job whose session is there, and the program that shows it on a terminal."""

    job: Job
    argv: list[str]
    is_resumed: bool


def session_job(ctx: Context, session: str) -> Job | None:
    """The job that has the session of this name, or would have it if its agent were not closed."""
    living = ctx.tmux.find(session)
    if living is not None:
        return ctx.ledger.job(int(living.marks.get("job") or 0))
    return next((job for job in ctx.ledger.jobs_in(JobState) if job.name == session), None)


def take_over(ctx: Context, job: Job, *, read_only: bool) -> View:
    """For the person: an agent that was closed is started again with its conversation."""
    answer = attach_job(ctx, job, tmux="", read_only=read_only)
    return View(job=Job.from_json(answer["job"]), argv=answer["argv"], is_resumed=answer["is_resumed"])


def look_at(ctx: Context, job: Job) -> View:
    """For somebody who was allowed to look on: nothing is started or kept open for that."""
    if ctx.tmux.find(job.name) is None:
        raise NotNow(f"#{job.number} is {job.state} and has no terminal now")
    return View(job=job, argv=ctx.tmux.attach_argv(job.name, read_only=True), is_resumed=False)


def show_history(ctx: Context, *, number: int, lines: int) -> dict[str, Any]:
    """What the job's terminal has shown, from ``lines`` above the screen on."""
    job = ctx.ledger.job(number)
    if job is None:
        raise UnknownJob(f"there is no job {number}: see aios jobs --all")
    if ctx.tmux.find(job.name) is None:
        raise NotNow(f"#{number} has no terminal now: see aios logs {number}")
    return {"job": number, "text": ctx.tmux.history(job.name, min(lines, _MAX_LINES))}


def show_screens(ctx: Context, *, refs: Sequence[str], cwd: str) -> dict[str, Any]:
    """The last line of the screen of each of these jobs whose agent is open and shows something."""
    jobs = [job for job in find_jobs(ctx, refs, cwd) if job.is_open and job.machine == ctx.machine]
    screens = ctx.tmux.screens([job.name for job in jobs]) if jobs else {}
    lines = {job.number: last_words(screens.get(job.name, "")) for job in jobs}
    return {"screens": [{"job": number, "line": line} for number, line in lines.items() if line]}
