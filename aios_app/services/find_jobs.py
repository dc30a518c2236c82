"""Find jobs by a person's words, and list them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aios_app.domain.errors import BadValue, UnknownJob, UsageError
from aios_app.domain.models import ACTIVE_STATES, SETTLED_STATES, Job, JobState
from aios_app.domain.naming import title_of
from aios_app.domain.steps import STEPS
from aios_app.git.repository import worktree_of
from aios_app.git.worktrees import read_metadata
from aios_app.services.context import Context
from aios_app.store.wording import did_you_mean

#: What needs a person comes first.
_ORDER = (
    JobState.WAITING,
    JobState.FAILED,
    JobState.LOST,
    JobState.REVIEW,
    JobState.RUNNING,
    JobState.PREPARING,
    JobState.QUEUED,
    JobState.STOPPED,
    JobState.LANDED,
    JobState.DROPPED,
)

#: The states of a scope; in ``default`` beside them what was settled today.
_SCOPES: Mapping[str, Sequence[JobState]] = {
    "default": [state for state in JobState if state not in SETTLED_STATES],
    "running": [*ACTIVE_STATES, JobState.QUEUED],
    "all": list(JobState),
}
_NUMBER_DIGITS = 18


def find_jobs(ctx: Context, refs: Sequence[str], cwd: str) -> list[Job]:
    """The jobs that these words mean: a number, ``r3``, ``.``, a unique part of a name. Each job once."""
    found: dict[int, Job] = {}
    for ref in refs:
        for job in _find(ctx, ref, cwd):
            found.setdefault(job.number, job)
    return list(found.values())


def find_one(ctx: Context, ref: str, cwd: str) -> Job:
    """The one job that the word means; raises ``UsageError`` where it means several."""
    jobs = find_jobs(ctx, [ref], cwd)
    if len(jobs) != 1:
        raise UsageError(f"{ref} is {len(jobs)} jobs: name one of them by its number")
    return jobs[0]


def list_jobs(ctx: Context, scope: str, run: int | None) -> list[Job]:
    """``default``: not landed or dropped, and today's; ``running``: without those in review; ``all``."""
    if run is not None:
        jobs = ctx.ledger.run_jobs(run)
        if not jobs:
            raise UnknownJob(f"there is no run r{run}: aios jobs --runs")
        return _sorted(job for job in jobs if scope != "running" or _is_unfinished(job))
    return _sorted(ctx.ledger.jobs(_states(ctx, scope)))


def list_most(ctx: Context, scope: str, most: int) -> tuple[list[Job], dict[str, int]]:
    """The first so many of a scope, and how many of which state are left out."""
    states = _states(ctx, scope)
    numbers = list(states)
    left_out = Counter(str(states[number]) for number in numbers[most:])
    return _sorted(ctx.ledger.jobs(numbers[:most])), dict(left_out)


def _states(ctx: Context, scope: str) -> dict[int, JobState]:
    """The numbers of the jobs in a scope, what needs a person first."""
    if scope not in _SCOPES:
        raise BadValue(f"'{scope}' is not a scope of jobs: default, running or all")
    found = ctx.ledger.numbers_in(_SCOPES[scope])
    if scope == "default":
        found |= ctx.ledger.numbers_in(SETTLED_STATES, since_ms=_midnight_ms(ctx.ledger.now_ms()))
    return {number: state for state in _ORDER for number in sorted(found.get(state, ()))}


def list_runs(ctx: Context) -> list[dict[str, Any]]:
    """All runs with how many of their jobs are in each state, newest first."""
    return [_run_line(ctx, number) for number in ctx.ledger.run_numbers()]


def _run_line(ctx: Context, number: int) -> dict[str, Any]:
    run = ctx.ledger.run(number)
    return {
        "number": number,
        "source": run["source"],
        "title": run["title"],
        "created_ms": int(run["created_ms"]),
        "is_sequential": run["is_sequential"] == "1",
        "stage": int(run["stage"]),
        "stages": int(run["stages"]),
        "labels": json.loads(run["labels"]),
        "states": ctx.ledger.run_states(number),
    }


def _find(ctx: Context, ref: str, cwd: str) -> list[Job]:
    if ref == ".":
        return [_job_here(ctx, cwd)]
    if ref.isascii() and ref.isdigit():
        job = ctx.ledger.job(_number(ref))
        if job is None:
            raise UnknownJob(f"there is no job {ref[:_NUMBER_DIGITS]}: aios jobs --all")
        return [job]
    if ref[:1] == "r" and ref[1:].isascii() and ref[1:].isdigit():
        return list_jobs(ctx, "default", _number(ref[1:]))
    return [_by_name(ctx, ref)]


def _number(digits: str) -> int:
    """No job has a longer number, and Python converts no number of any length."""
    return int(digits[:_NUMBER_DIGITS])


def _job_here(ctx: Context, cwd: str) -> Job:
    worktree = worktree_of(Path(cwd))
    data = read_metadata(worktree) if worktree else None
    job = ctx.ledger.job(int(str(data["job"]))) if data else _job_in_place(ctx, cwd)
    if job is None:
        raise UnknownJob(f"{cwd} is not in a worktree of a job: aios w lists them")
    return job


def _job_in_place(ctx: Context, cwd: str) -> Job | None:
    """The newest job that works in this very directory of the person's."""
    place = str(Path(cwd).resolve())
    unsettled = ctx.ledger.jobs_in(state for state in JobState if state not in SETTLED_STATES)
    own = [job for job in unsettled if job.machine == ctx.machine]
    here = [job for job in own if job.is_in_place and job.worktree == place]
    return max(here, key=lambda job: job.number, default=None)


def _by_name(ctx: Context, part: str) -> Job:
    """The newest job of the list of steps of this name, else the one with it in its own name."""
    jobs = ctx.ledger.jobs_in(JobState)
    of_steps = [job for job in jobs if job.agent_key == STEPS and job.title == title_of(part)]
    if of_steps:
        return max(of_steps, key=lambda job: job.number)
    named = [job for job in jobs if part and part in job.name]
    if not named:
        hint = did_you_mean(part, {word for job in jobs for word in (job.project, job.agent, job.name)})
        raise UnknownJob(f"no job's name holds '{part}'{hint} (aios jobs --all lists them)")
    if len(named) > 1:
        numbers = ", ".join(str(job.number) for job in sorted(named, key=lambda job: job.number)[:8])
        raise UnknownJob(f"'{part}' is in the names of {len(named)} jobs ({numbers}): give the number")
    return named[0]


def _is_unfinished(job: Job) -> bool:
    return job.state in ACTIVE_STATES or job.state is JobState.QUEUED


def _sorted(jobs: Iterable[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: (_ORDER.index(job.state), job.number))


def _midnight_ms(now_ms: int) -> int:
    """When the day began where this machine is, by the clock of the ledger."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp() * 1000)
