"""Begin what may begin: the one place that moves queued jobs on."""

from __future__ import annotations

import logging

from aios_app.services.context import Context

logger = logging.getLogger(__name__)


def dispatch(ctx: Context) -> None:
    """Claims slots on every machine and sends the claimed jobs' tasks; asks idle agents to make room.

    Called after each start, end, retry and reconcile. Safe to call at any time, from several processes.
    """
    for machine in ctx.ledger.machines():
        claim = ctx.ledger.claim(machine)
        # A project's jobs share its lock and its fetch: side by side they would only wait for each other.
        ctx.queue.send_attempts(sorted(claim.begins, key=lambda job: job.instance))
        for job in claim.closes:
            ctx.queue.send_end(job, "close")
        if claim.is_later:
            _wake_clock(ctx, machine)
        if claim.begins:
            logger.info("sent", extra={"machine": machine, "job_ids": [job.number for job in claim.begins]})


def _wake_clock(ctx: Context, machine: str) -> None:
    """The machine's worker looks at its timers again: there is an earlier one."""
    if ctx.is_worker and machine == ctx.machine:
        ctx.alarm.set()
    else:
        ctx.queue.send_wake(machine)
