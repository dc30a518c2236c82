"""Make a person's terminal the job's: find its session, or bring its agent back."""

from __future__ import annotations

import time
from typing import Any

from aios_app.domain.errors import NotNow
from aios_app.domain.models import Finishes, Job, JobState
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.drafts import screen_mark
from aios_app.services.spawn_job import RESUME

#: Seconds until a session must be there.
DEADLINE_S = 40.0
#: A person who waits goes before all jobs of the queue.
_FIRST = -1_000_000_000


def attach_job(ctx: Context, job: Job, *, tmux: str, read_only: bool) -> dict[str, Any]:
    """The program that attaches, once the session is there. ``tmux`` is the caller's ``$TMUX``.

    An agent that was closed to make room is started again with its conversation.
    """
    job, is_resumed = bring_back(ctx, job)
    ctx.ledger.keep_open(job)
    ctx.ledger.note_attempt(job.attempt, screen=screen_mark(ctx.tmux.capture(job.name)))
    argv = ctx.tmux.attach_argv(job.name, read_only=read_only, inside=tmux)
    return {"job": job.to_json(), "argv": argv, "is_resumed": is_resumed}


def bring_back(ctx: Context, job: Job) -> tuple[Job, bool]:
    """The job with its session there, and whether its agent was started again for that.

    Raises ``NotNow`` where it has not begun, or has ended for good.
    """
    if job.is_open and ctx.tmux.find(job.name) is not None:
        return job, False
    is_resumed = _renew(ctx, job)
    return await_session(ctx, job), is_resumed


def _renew(ctx: Context, job: Job) -> bool:
    """True where a new attempt was queued; False where the session is on its way already."""
    if job.state is JobState.PREPARING or job.is_open:
        return False
    if job.state is JobState.QUEUED:
        raise NotNow(f"#{job.number} has not begun: it waits {job.reason}")
    if job.state is not JobState.REVIEW:
        raise NotNow(
            f"#{job.number} is {job.state}{f' ({job.cause})' if job.cause else ''}: "
            f"see aios logs {job.number}, start it again with aios retry {job.number}"
        )
    if job.finishes not in {Finishes.TURN, Finishes.SILENCE}:
        raise NotNow(f"#{job.number} has ended: see aios logs {job.number}, aios diff {job.number}")
    ctx.ledger.renew(job, {JobState.REVIEW}, order=_FIRST + job.number, mode=RESUME)
    dispatch(ctx)
    return True


def await_session(ctx: Context, job: Job) -> Job:
    """The job once its agent runs in a session; raises ``NotNow`` where that does not come about."""
    deadline = time.monotonic() + DEADLINE_S
    while (left_s := deadline - time.monotonic()) > 0:
        after = ctx.ledger.last_event_id()
        now = ctx.ledger.job(job.number)
        if now is None or now.state in {JobState.FAILED, JobState.STOPPED, JobState.LOST}:
            raise NotNow(f"#{job.number} did not start: {now.cause if now else 'it is gone'}")
        if now.is_open and now.state is not JobState.PREPARING and ctx.tmux.find(now.name) is not None:
            return now
        ctx.ledger.wait_event(after, timeout_s=left_s)
    raise NotNow(f"#{job.number} has no session after {DEADLINE_S:.0f} s: it waits for a slot (aios jobs)")
