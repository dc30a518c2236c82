"""Start ended agents again, each with the conversation it had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aios_app.domain.models import Finishes, Job, JobState
from aios_app.services.context import Context
from aios_app.services.end_job import SESSION_LOST
from aios_app.services.records import record
from aios_app.services.spawn_job import RESUME

_RESUMABLE = frozenset({JobState.FAILED, JobState.STOPPED, JobState.LOST, JobState.REVIEW})


def resume_jobs(ctx: Context, jobs: Sequence[Job], *, is_dry_run: bool) -> dict[str, Any]:
    """Queues an attempt of each that goes on with its conversation; ``claim.dispatch`` sends what may begin.

    ``at_once`` in the answer is how many of them a client should have started at a time.
    """
    problems = [
        {"job": job.number, "message": f"#{job.number} {why}"} for job in jobs if (why := _why_not(job))
    ]
    chosen = [job for job in jobs if not _why_not(job)]
    if not is_dry_run:
        chosen = [record(ctx, job.number) for job in chosen if _renew(ctx, job)]
    return {
        "jobs": [job.to_json() for job in chosen],
        "problems": problems,
        "at_once": int(ctx.catalog.get("resume_at_once")),
    }


def lost_jobs(ctx: Context) -> list[Job]:
    """Those that a reboot, or the end of the tmux server, has ended in the middle of their work."""
    failed = ctx.ledger.jobs_in([JobState.FAILED])
    return sorted((job for job in failed if job.cause.startswith(SESSION_LOST)), key=lambda job: job.number)


def _renew(ctx: Context, job: Job) -> bool:
    return ctx.ledger.renew(job, _RESUMABLE, order=job.number, mode=RESUME) is not None


def _why_not(job: Job) -> str:
    if job.is_open or job.state not in _RESUMABLE:
        return f"is {job.state} and needs no resuming"
    if job.finishes not in {Finishes.TURN, Finishes.SILENCE}:
        return f"has no conversation to go on with: aios retry {job.number}"
    if not job.conversation:
        return f"never told its conversation: aios retry {job.number} starts it anew"
    return ""
