"""What a job's agent said or showed, also after it ended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from aios_app.agents import module_for
from aios_app.domain.errors import NotNow, UnknownJob
from aios_app.domain.models import Job
from aios_app.services.check_job import check_log
from aios_app.services.context import Context

AGENT, CHECK = "agent", "check"
#: Lines of a living terminal, from the newest back.
_HISTORY_LINES = 50_000
#: Of a saved log the end is shown.
_MAX_BYTES = 2 * 1024 * 1024
#: A transcript holds much beside what was said.
_MAX_TRANSCRIPT_BYTES = 32 * 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show_log(ctx: Context, *, number: int, of: str = AGENT) -> dict[str, Any]:
    """Of the agent its transcript, else its living screen with history, the last one, or what the setup said.

    Of the check what it has said so far.
    """
    job = ctx.ledger.job(number)
    if job is None:
        raise UnknownJob(f"there is no job {number}: see aios jobs --all")
    if of == CHECK:
        source, text = CHECK, _checked(ctx, job)
    else:
        source, text = _told(ctx, job) or _live(ctx, job) or _saved(ctx, job)
    return {"job": job.to_json(), "source": source, "text": text}


def _checked(ctx: Context, job: Job) -> str:
    path = check_log(ctx.settings, job.number)
    if not path.is_file():
        setting = f"aios config {job.project}.check COMMAND sets one for its project"
        raise NotNow(f"job {job.number} has no check that has run: {setting}")
    return _end_of(path, _MAX_BYTES)


def _told(ctx: Context, job: Job) -> tuple[str, str] | None:
    """The conversation as the agent keeps it: a full-screen program leaves nothing above its screen."""
    path = Path(job.transcript)
    if not job.transcript or not path.is_file():
        return None
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    lines = _end_of(path, _MAX_TRANSCRIPT_BYTES).splitlines()
    text = "\n".join(module_for(agent).render(lines))
    return ("transcript", _CONTROL.sub("", text).strip("\n")) if text else None


def _live(ctx: Context, job: Job) -> tuple[str, str] | None:
    session = ctx.tmux.find(job.name)
    if session is None or session.marks.get("attempt") != job.attempt:
        return None
    return "live screen", ctx.tmux.capture(job.name, history_lines=_HISTORY_LINES)


def _saved(ctx: Context, job: Job) -> tuple[str, str]:
    directory = ctx.settings.jobs_dir / str(job.number) / job.attempt
    screen, setup = directory / "screen.txt", directory / "setup.log"
    places = [("last screen", screen), ("setup", setup)]
    for source, path in reversed(places) if job.cause.startswith("setup") else places:
        if path.is_file():
            return source, _end_of(path, _MAX_BYTES)
    raise NotNow(f"job {job.number} is {job.state} and has shown nothing yet")


def _end_of(path: Path, size: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode("utf-8", "surrogateescape")
