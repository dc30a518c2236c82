"""Close the agent of a job whose turn is over, so that its worktree can go; nobody is cut off."""

from __future__ import annotations

import time

from aios_app.domain.errors import NotNow
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.drafts import has_draft
from aios_app.services.end_job import CLOSE

#: Seconds that an agent has to end.
DEADLINE_S = 20.0
_WORKING = frozenset({JobState.PREPARING, JobState.RUNNING})


def why_busy(ctx: Context, job: Job) -> str:
    """Why the job's worktree cannot go now, and what to do; empty where it can."""
    if working := _why_working(job):
        return working
    landing = ctx.ledger.lines.landing(job.number)
    if landing is not None and landing.outcome is None:
        return f"it is about to land ({job.landing or 'in line'})"
    return _why_open(ctx, job) if job.is_open else ""


def _why_working(job: Job) -> str:
    if job.state in _WORKING:
        return f"its agent works: aios wait {job.number} or aios stop {job.number} first"
    if job.state is JobState.WAITING:
        return f"its agent waits for an answer: aios answer {job.number} or aios stop {job.number} first"
    if job.state is JobState.QUEUED:
        return f"it has yet to begin: aios stop {job.number} first"
    return ""


def close_agent(ctx: Context, job: Job) -> None:
    """Returns when the job's agent is closed, or was.

    Raises ``NotNow`` where it works by now, whatever ``job`` says, or a person is at it.
    """
    job = _at_rest(ctx, job)
    if not job.is_open:
        return
    if why := _why_open(ctx, job):
        raise NotNow(f"#{job.number}: {why}")
    ctx.queue.send_end(job, CLOSE)
    deadline = time.monotonic() + DEADLINE_S
    while (left_s := deadline - time.monotonic()) > 0:
        after = ctx.ledger.last_event_id()
        if not _at_rest(ctx, job).is_open:
            return
        ctx.ledger.wait_event(after, timeout_s=left_s)
    raise NotNow(f"#{job.number}: its agent does not end: aios stop {job.number} first")


def _at_rest(ctx: Context, job: Job) -> Job:
    """The job as it is now."""
    now = ctx.ledger.job(job.number) or job
    if why := _why_working(now):
        raise NotNow(f"#{job.number}: {why}")
    return now


def _why_open(ctx: Context, job: Job) -> str:
    if job.state is not JobState.REVIEW:
        return f"its agent is still there: aios stop {job.number} first"
    session, attempt = ctx.tmux.find(job.name), ctx.ledger.attempt(job.attempt)
    if session is None or attempt is None:
        return ""
    if session.attached:
        return "somebody is attached to its agent: leave it first"
    if has_draft(ctx, job, attempt, session):
        return f"something was typed into its agent and not sent: aios attach {job.number}"
    return ""
