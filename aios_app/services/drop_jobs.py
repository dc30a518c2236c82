"""Drop jobs, and remove worktrees that AIOS did not make: all goes to the trash, named first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aios_app.domain.errors import AiosError, ConflictError, NotNow, UsageError
from aios_app.domain.models import LIVE_STATES, SETTLED_STATES, Job, JobState
from aios_app.git.losses import Losses
from aios_app.git.removal import Removal
from aios_app.git.trash import KEPT_DAYS
from aios_app.services.check_job import end_check
from aios_app.services.close_agent import close_agent, why_busy
from aios_app.services.context import Context
from aios_app.services.find_jobs import find_jobs
from aios_app.services.other_worktrees import find_other, losses_of_other, remove_other
from aios_app.services.records import record
from aios_app.services.remove_work import has_work, losses, remove_work

_AT_REST = frozenset(JobState) - LIVE_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be removed: what it is called, what goes with it, and how it is done."""

    name: str
    job: Job | None
    lines: tuple[str, ...]  #: what only it has
    problem: str  #: why it stays; empty: it goes
    remove: Callable[[], Removal]
    is_gone: bool = False  #: it was removed before


def drop_jobs(
    ctx: Context, refs: Sequence[str], names: Sequence[str], cwd: str, *, is_confirmed: bool
) -> dict[str, Any]:
    """Removes the worktrees and branches of jobs, and worktrees of these exact names; or says what would go.

    Raises ``ConflictError`` where nothing of it can go.
    """
    if not refs and not names:
        raise UsageError("remove which? Name jobs, or worktrees")
    candidates = [candidate_of(ctx, job) for job in find_jobs(ctx, refs, cwd)]
    candidates += [_other(ctx, name) for name in names]
    left = [one for one in candidates if not one.is_gone]  # of a run those that are still there are meant
    return remove_all(left or candidates, is_confirmed=is_confirmed)


def drop_job(ctx: Context, job: Job, state: JobState = JobState.DROPPED, *, at: str = "") -> Removal:
    """Closes the job's agent, puts its work into the trash and settles it as ``state``.

    Raises ``ConflictError`` where it must stay, also where it is not whole at the commit ``at``, if that is
    given; a job that has landed stays so.
    """
    _check_idle(ctx, job)
    close_agent(ctx, job)
    end_check(job)
    now = ctx.ledger.job(job.number) or job
    _check_idle(ctx, now)
    removal = remove_work(ctx, now, landed_sha=at)
    ctx.ledger.settle(job.number, _AT_REST - SETTLED_STATES, state)
    record(ctx, job.number)
    return removal


def candidate_of(ctx: Context, job: Job, state: JobState = JobState.DROPPED) -> Candidate:
    """The job's worktree and branch, and why they stay, where they do."""
    problem = why_busy(ctx, job)
    lines: tuple[str, ...] = ()
    is_gone = job.state in SETTLED_STATES and not has_work(job)
    if job.is_in_place:
        problem = "it works in your own directory, which stays"
    elif is_gone:
        problem = f"it is {job.state} and removed already (aios trash)"
    elif not problem:
        problem, lines = _look(lambda: losses(ctx, job))
    return Candidate(
        name=f"#{job.number} {job.name}",
        job=job,
        lines=lines,
        problem=problem,
        remove=lambda: drop_job(ctx, job, state),
        is_gone=is_gone,
    )


def remove_all(candidates: Sequence[Candidate], *, is_confirmed: bool) -> dict[str, Any]:
    """Removes those that can go, or asks."""
    going = [one for one in candidates if not one.problem]
    if not going:
        raise ConflictError("\n".join(f"{one.name} stays: {one.problem}" for one in candidates))
    if is_confirmed:
        return {"results": [_remove(one) for one in candidates]}
    what, it = ("1 worktree", "it") if len(going) == 1 else (f"{len(going)} worktrees", "them")
    return {
        "question": f"Remove {what}? The trash keeps {it} for {KEPT_DAYS} days.",
        "names": [line for one in candidates for line in _named(one)],
    }


def _check_idle(ctx: Context, job: Job) -> None:
    if job.is_in_place:
        raise NotNow(f"#{job.number} works in your own directory, which stays")
    if problem := why_busy(ctx, job):
        raise NotNow(f"#{job.number}: {problem}")


def _look(find: Callable[[], Losses]) -> tuple[str, tuple[str, ...]]:
    """Why it stays, else what goes with it."""
    try:
        return "", tuple(find().lines())
    except AiosError as error:
        return str(error), ()


def _other(ctx: Context, name: str) -> Candidate:
    other = find_other(ctx, name)
    if other.job is not None:
        return candidate_of(ctx, other.job)
    problem, lines = _look(lambda: losses_of_other(ctx, other))
    return Candidate(
        name=name,
        job=None,
        lines=lines,
        problem=other.problem or problem,
        remove=lambda: remove_other(ctx, other),
    )


def _named(one: Candidate) -> list[str]:
    if one.problem:
        return [f"{one.name} stays: {one.problem}"]
    branch = f", branch {one.job.branch}" if one.job else ""
    return [f"{one.name}{branch}", *(f"  {line}" for line in one.lines or ("nothing that is not elsewhere",))]


def _remove(one: Candidate) -> dict[str, Any]:
    result = {"job": one.job and one.job.to_json(), "name": one.name, "is_dropped": False, "trash": ""}
    if one.problem:
        return result | {"message": one.problem}
    try:
        removal = one.remove()
    except AiosError as error:
        return result | {"message": str(error)}
    word = one.job.number if one.job else one.name
    words = (
        [f"removed, in the trash for {KEPT_DAYS} days: aios trash restore {word}"]
        if removal.entry
        else ["removed"]
    )
    return result | {
        "is_dropped": True,
        "message": "; ".join([*words, *removal.said]),
        "trash": removal.entry.ref if removal.entry else "",
    }
