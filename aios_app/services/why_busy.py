"""Why the worktree of a job cannot go now."""

from __future__ import annotations

from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.drafts import has_draft

_WORKING = frozenset({JobState.PREPARING, JobState.RUNNING})


def why_busy(ctx: Context, job: Job) -> str:
    """What holds the job, and what to do; empty where it may go, its idle agent with it."""
    if job.state in _WORKING:
        return f"its agent works: aios wait {job.number} or aios stop {job.number} first"
    if job.state is JobState.WAITING:
        return f"its agent waits for an answer: aios answer {job.number} or aios stop {job.number} first"
    if job.state is JobState.QUEUED:
        return f"it has yet to begin: aios stop {job.number} first"
    landing = ctx.ledger.lines.landing(job.number)
    if landing is not None and landing.place:
        return f"it is about to land ({job.landing or 'in line'})"
    return _why_open(ctx, job) if job.is_open else ""


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
