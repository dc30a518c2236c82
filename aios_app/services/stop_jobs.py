"""Stop jobs: what has not begun never begins, what runs is ended; worktrees stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aios_app.domain.models import Job, JobState
from aios_app.services.claim import dispatch, is_left
from aios_app.services.context import Context
from aios_app.services.end_job import STOP
from aios_app.services.finish_job import finish_attempt


def stop_jobs(ctx: Context, jobs: Sequence[Job], *, all_processes: bool) -> list[dict[str, Any]]:
    """What came of each: ``stopped`` (it had not begun), ``stopping`` (an event tells) or ``not running``.

    ``away``: it is ended once its machine answers again, and its stage waits for it no longer.
    """
    queued_first = sorted(jobs, key=lambda job: job.state is not JobState.QUEUED)
    outcomes = {job.number: _stop(ctx, job, all_processes=all_processes) for job in queued_first}
    left = [job for job in jobs if outcomes[job.number] == "stopping" and is_left(ctx, job)]
    passed = [job for job in left if ctx.ledger.pass_stage(job.attempt, is_away=True)]
    if passed:
        dispatch(ctx)
    outcomes |= {job.number: "away" for job in left}
    now = {job.number: job for job in ctx.ledger.jobs(outcomes)}
    return [
        {"job": now[job.number].to_json(), "outcome": outcomes[job.number], "survivors": []} for job in jobs
    ]


def _stop(ctx: Context, job: Job, *, all_processes: bool) -> str:
    if job.state is JobState.QUEUED:
        attempt = ctx.ledger.attempt(job.attempt)
        cause = "" if job.has_begun else "not started"
        if attempt is not None and finish_attempt(ctx, attempt, JobState.STOPPED, cause):
            return "stopped"
    if job.is_open or job.state in {JobState.QUEUED, JobState.PREPARING}:
        ctx.ledger.note_attempt(job.attempt, ending=STOP)  # a lost message is then made good by reconcile
        ctx.queue.send_end(job, STOP, all_processes=all_processes)
        return "stopping"
    return "not running"
