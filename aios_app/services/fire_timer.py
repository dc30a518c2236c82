"""Act when a time limit of an attempt is over."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Attempt
from aios_app.services.announce import tell_news
from aios_app.services.claim import dispatch, is_left
from aios_app.services.context import Context
from aios_app.services.count_tokens import count_tokens
from aios_app.services.end_job import CLOSE, end_job
from aios_app.services.lanes import open_lane
from aios_app.services.line_up import look_at_line
from aios_app.services.reconcile import check_sessions
from aios_app.services.records import record
from aios_app.services.timers import (
    GONE,
    IDLE,
    LANE,
    LAUNCH,
    LIMIT,
    LINE,
    NEWS,
    REST,
    SETUP,
    SKIP,
    STAGGER,
    START,
    TOKENS,
    TURN,
    UPDATE,
    set_idle_timer,
)
from aios_app.services.update_check import send_or_wait
from aios_app.services.watch_screen import look_at_rest, look_at_start
from aios_app.spool.files import pending_attempts

logger = logging.getLogger(__name__)

#: Milliseconds that a limit is put off while a signal of its attempt lies unread in the spool.
_UNREAD_MS = 5000


def fire_due_timers(ctx: Context) -> float | None:
    """Acts on all limits that are over; returns the seconds until the next one, None where there is none."""
    while (found := ctx.ledger.next_timer(ctx.machine)) is not None:
        kind, attempt, due_ms = found
        left_s = (due_ms - ctx.ledger.now_ms()) / 1000
        if left_s > 0:
            return left_s
        if attempt in pending_attempts(ctx.settings.spool_dir):
            # What its agent has said may take the limit back, once it is read: Redis may have been away.
            ctx.ledger.put_off_timer(ctx.machine, kind, attempt, ctx.ledger.now_ms() + _UNREAD_MS)
            continue
        if kind not in _REPEATED:
            _fire(ctx, kind, attempt)
        ctx.ledger.drop_timers(ctx.machine, attempt, [kind])
        if kind in _SHARED:
            _SHARED[kind](ctx, attempt)
        elif kind in _REPEATED:
            _fire(ctx, kind, attempt)
    return None


def _fire(ctx: Context, kind: str, attempt_id: str) -> None:
    attempt = ctx.ledger.attempt(attempt_id)
    if attempt is None or attempt.is_over:
        return
    logger.info("time limit", extra={"kind": kind, "job_id": attempt.job})
    if kind in _REPEATED:
        _REPEATED[kind](ctx, attempt)
        return
    if kind == SKIP:
        if ctx.ledger.pass_stage(attempt_id, is_away=is_left(ctx, ctx.ledger.job_of(attempt))):
            dispatch(ctx)
        return
    if kind == GONE:
        check_sessions(ctx)
        return
    end_job(ctx, attempt_id, _cause(ctx, kind, ctx.ledger.job_of(attempt)))


def _close_idle(ctx: Context, attempt: Attempt) -> None:
    """Closes an agent that rests and can come back; one that a person is at gets the same time again."""
    job = ctx.ledger.job_of(attempt)
    if job.state is JobState.REVIEW and job.conversation:
        set_idle_timer(ctx, attempt.id)
        end_job(ctx, attempt.id, CLOSE)


def _count_again(ctx: Context, attempt: Attempt) -> None:
    count_tokens(ctx, ctx.ledger.job_of(attempt))
    record(ctx, attempt.job)


def _start_now(ctx: Context, attempt: Attempt) -> None:
    ctx.queue.send_spawn(ctx.ledger.job_of(attempt))


def _cause(ctx: Context, kind: str, job: Job) -> str:
    if kind == LAUNCH:
        limit = ctx.catalog.get("launch_limit")
        shell = ctx.settings.shell
        return f"the shell's start-up files did not finish within {limit}: try {shell} -l -i -c true"
    if kind == SETUP:
        return f"setup took longer than {ctx.catalog.get('setup_limit')} (aios logs {job.number})"
    if kind == LIMIT:
        return f"took longer than its limit of {job.limit_s} s"
    raise ValueError(kind)


#: What may set the same limit again; the others are dropped only when all is done.
_REPEATED = {
    IDLE: _close_idle,
    START: look_at_start,
    REST: look_at_rest,
    TURN: _start_now,
    TOKENS: _count_again,
}
#: Timers that belong to no attempt: of a lane, of a line, or of the machine.
_SHARED: dict[str, Callable[[Context, str], None]] = {
    STAGGER: lambda ctx, _lane: dispatch(ctx),
    LANE: open_lane,
    LINE: look_at_line,
    NEWS: lambda ctx, _: tell_news(ctx),
    UPDATE: lambda ctx, _: send_or_wait(ctx),
}
