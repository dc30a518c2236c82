"""Bring a job to the end of its turn, or of its attempt. Every end goes through here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job, JobState
from aios_app.git.inspection import count_commits
from aios_app.git.repository import find_repository
from aios_app.git.worktrees import diff_size, discard_worktree, repository_lock
from aios_app.ledger.ledger import Attempt
from aios_app.services.announce import announce
from aios_app.services.check_job import Planned, planned_check, send_check
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.count_tokens import count_tokens
from aios_app.services.lanes import free_if_works
from aios_app.services.records import record
from aios_app.services.save_progress import send_progress
from aios_app.services.timers import ALL_TIMERS, TOKENS, TOKENS_S, set_idle_timer, set_timer

logger = logging.getLogger(__name__)

#: From which an agent's turn can be over.
AT_WORK = frozenset({JobState.PREPARING, JobState.RUNNING, JobState.WAITING})
#: In which a job's attempt can end.
ANY_OPEN = AT_WORK | {JobState.QUEUED, JobState.REVIEW}


def finish_turn(ctx: Context, attempt: Attempt, *, message: str = "") -> None:
    """The agent's turn is over, its process goes on: the job is for review and its stage goes on."""
    job = ctx.ledger.job_of(attempt)
    changed = ctx.ledger.move(
        attempt.id,
        AT_WORK,
        JobState.REVIEW,
        finishes=True,
        result=task_result(job, JobState.REVIEW, ""),
        turns=job.turns + 1,
        message=message,
        **planned_check(ctx, job),
    )
    if changed:
        set_idle_timer(ctx, attempt.id)
        if job.transcript:
            set_timer(ctx, TOKENS, attempt.id, TOKENS_S)
        free_if_works(ctx, job)
        _after(ctx, job, ends=False)


def finish_attempt(ctx: Context, attempt: Attempt, state: JobState, cause: str = "") -> bool:
    """The attempt's process is gone, or never was. False where the attempt was over already.

    ``state`` REVIEW of a job that is in review already only notes that its agent is closed.
    """
    job = ctx.ledger.job_of(attempt)
    is_turn = state is JobState.REVIEW and job.state in AT_WORK
    changed = ctx.ledger.move(
        attempt.id,
        ANY_OPEN,
        state,
        finishes=True,
        ends=True,
        result=task_result(job, state, cause),
        cause=cause,
        **(planned_check(ctx, job) if is_turn else Planned()),
    )
    if changed:
        logger.info("ended", extra={"job_id": job.number, "state": state.value, "cause": cause})
        if state is JobState.FAILED:
            announce(ctx, job.number)
        elif is_turn:
            free_if_works(ctx, job)
        _after(ctx, job, ends=True)
    return changed


def measure(ctx: Context, number: int) -> None:
    """Counts its tokens, takes the size of its change against its base, and has that checked.

    Its record is brought up to date.
    """
    job = ctx.ledger.job(number)
    if job is None:
        return
    count_tokens(ctx, job)
    if job.base_sha and Path(job.worktree).is_dir():
        _measure_change(ctx, job)
    send_check(ctx, number)
    send_progress(ctx, number)
    record(ctx, number)


def _measure_change(ctx: Context, job: Job) -> None:
    number = job.number
    try:
        size = diff_size(Path(job.worktree), job.base_sha)
        commits = count_commits(Path(job.worktree), job.base_sha)
    except AiosError as error:
        logger.warning("no diff size", extra={"job_id": number, "cause": str(error)})
        return
    ctx.ledger.note(
        number,
        files=size.files,
        added=size.added,
        removed=size.removed,
        commits=commits,
        measured_ms=ctx.ledger.now_ms(),
    )


def discard_unused(ctx: Context, job: Job) -> None:
    """Removes the worktree of a job whose agent never began, where nothing was done in it either."""
    if job.is_in_place or not job.worktree:
        return
    try:
        repository = find_repository(Path(job.path))
        with repository_lock(ctx.settings.locks_dir, repository):
            discard_worktree(repository, path=Path(job.worktree), branch=job.branch, base_sha=job.base_sha)
    except AiosError as error:
        logger.warning("worktree stays", extra={"job_id": job.number, "cause": str(error)})


def _after(ctx: Context, job: Job, *, ends: bool) -> None:
    """What may begin comes first, then the books. Only a stage that opens concerns other machines."""
    run = ctx.ledger.run(job.run)
    dispatch(ctx, only=job.machine if int(run["stage"]) == job.stage else "")
    if ends:
        ctx.ledger.drop_timers(job.machine, job.attempt, ALL_TIMERS)
    if job.machine and job.attempt in ctx.ledger.unreported(job.machine):
        ctx.queue.send_spawn(job)
    for number in (job.number, *_stopped_with(ctx, job, run)):
        record(ctx, number)


def _stopped_with(ctx: Context, job: Job, run: Mapping[str, str]) -> list[int]:
    """The jobs that the failure of this one has stopped before they began."""
    if run["fail_fast"] != "1":
        return []
    return [other.number for other in ctx.ledger.run_jobs(job.run) if other.state is JobState.STOPPED]


def task_result(job: Job, state: JobState, cause: str) -> dict[str, Any]:
    """What the task returns: shown by Flower."""
    return {
        "state": state.value,
        "cause": cause,
        "job": job.number,
        "run": job.run,
        "project": job.project,
        "agent": job.agent,
    }
