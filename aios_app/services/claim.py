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
        claimed, to_close = ctx.ledger.claim(machine)
        # A project's jobs share its lock and its fetch: side by side they would only wait for each other.
        ctx.queue.send_attempts(sorted(claimed, key=lambda job: job.instance))
        for job in to_close:
            ctx.queue.send_end(job, "close")
        if claimed:
            logger.info("sent", extra={"machine": machine, "job_ids": [job.number for job in claimed]})
