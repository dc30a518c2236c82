"""A lane is what shares one login and one quota: parked at a rate limit, opened when that is over."""

from __future__ import annotations

import logging
from datetime import datetime

from aios_app.domain.limits import find_limit
from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Lane
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.records import record
from aios_app.services.retry_jobs import renew_job
from aios_app.services.timers import LANE, set_timer

logger = logging.getLogger(__name__)

#: Where nobody says until when: this long, then twice as long each time, and never longer than the second.
_PAUSE_S, _LONGEST_PAUSE_S = 15 * 60, 2 * 3600
#: However soon it resets: what was refused a moment ago is refused again.
_LEAST_PAUSE_S = 60


def park_if_limited(ctx: Context, job: Job, cause: str) -> None:
    """Begins no more jobs of this lane for a while, where the cause of the failure is a rate limit."""
    now_ms = ctx.ledger.now_ms()
    now = datetime.fromtimestamp(now_ms / 1000).astimezone()
    limit = find_limit(cause, now)
    if limit is None or not job.lane:
        return
    lane = ctx.ledger.lane(job.lane)
    pause_s = max(_LEAST_PAUSE_S, int((limit.resets - now).total_seconds())) if limit.resets else 0
    if lane.until_ms > now_ms + 1000 * pause_s or (lane.until_ms > now_ms and not pause_s):
        return  # an agent that was still at work says what is known
    pause_s = pause_s or min(_LONGEST_PAUSE_S, 2 * lane.pause_s or _PAUSE_S)
    until_ms = now_ms + 1000 * pause_s
    reason = f"{job.lane} is rate-limited until {_clock(until_ms, now)}"
    ctx.ledger.park(Lane(name=job.lane, parked_ms=now_ms, until_ms=until_ms, pause_s=pause_s, reason=reason))
    set_timer(ctx, LANE, job.lane, pause_s)
    logger.warning("parked", extra={"lane": job.lane, "job_id": job.number, "seconds": pause_s})


def free_if_works(ctx: Context, job: Job) -> None:
    """An agent that began after its lane was parked has worked: the limit is over, whatever was said."""
    lane = ctx.ledger.lane(job.lane)
    if lane.parked_ms and job.started_ms >= lane.parked_ms:
        ctx.ledger.free_lane(lane.name)
        _retry_failed(ctx, lane.name)
        dispatch(ctx)


def open_lane(ctx: Context, name: str) -> None:
    """The time of a rate limit is over: its lane's jobs begin, and what it cut off unchanged begins again."""
    left_ms = ctx.ledger.lane(name).until_ms - ctx.ledger.now_ms()
    if left_ms > 0:
        set_timer(ctx, LANE, name, left_ms / 1000)
        return
    _retry_failed(ctx, name)
    dispatch(ctx)


def await_lane(ctx: Context, number: int) -> None:
    """A job that a rate limit ended before it changed anything is tried again when its lane is open."""
    job = ctx.ledger.job(number)
    if job is None or job.state is not JobState.FAILED or job.turns or job.files or not job.measured_ms:
        return
    lane = ctx.ledger.lane(job.lane)
    now_ms = ctx.ledger.now_ms()
    if lane.until_ms > now_ms and find_limit(job.cause, datetime.fromtimestamp(now_ms / 1000).astimezone()):
        ctx.ledger.await_lane(job)
        ctx.ledger.note(number, note=f"it had changed nothing: it is tried again when {job.lane} is free")
        record(ctx, number)


def _retry_failed(ctx: Context, name: str) -> None:
    for attempt_id in ctx.ledger.take_failed(name):
        attempt = ctx.ledger.attempt(attempt_id)
        job = ctx.ledger.job(attempt.job) if attempt else None
        if job is not None and job.attempt == attempt_id and renew_job(ctx, job):
            record(ctx, job.number)


def _clock(at_ms: int, now: datetime) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, now.tzinfo)
    return (
        f"{at:%H:%M}"
        if at.date() == now.date() or at_ms / 1000 - now.timestamp() < 12 * 3600
        else f"{at:%a %d %b %H:%M}"
    )
