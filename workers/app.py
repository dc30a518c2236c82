"""The worker's Celery application."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from aios_app import logs
from aios_app.domain.errors import AiosError
from aios_app.queue.app import make_app, queue_name
from aios_app.queue.sending import TaskQueue
from aios_app.services.context import Context, build_context, open_catalog
from aios_app.settings import Settings
from aios_app.stack.address import redis_url
from workers.lifecycle import Lifecycle, recovery_step, unblock_at_shutdown
from workers.listeners import Listeners
from workers.long_tasks import Pools
from workers.tasks import register

#: Tasks wait for git and tmux, not for the processor.
CONCURRENCY = max(8, 2 * (os.cpu_count() or 1))


def make_worker(settings: Settings) -> tuple[Celery, Context, Lifecycle, Pools]:
    """The application with its tasks, the context they work on, and the threads beside them."""
    catalog = open_catalog(settings)
    machine = catalog.machine_id()
    catalog.close()
    app = make_app(redis_url(settings), machine=machine)
    ctx = build_context(settings, TaskQueue(app))
    lifecycle, pools = Lifecycle(ctx), Pools()
    register(app, ctx, Listeners(app, ctx), pools)
    app.steps["consumer"].add(recovery_step(lifecycle))
    unblock_at_shutdown(lifecycle)
    return app, ctx, lifecycle, pools


def run_worker(settings: Settings) -> int:
    """Works until SIGTERM; returns the exit status."""

    @setup_logging.connect(weak=False)
    def configure(**_: Any) -> None:  # noqa: ANN401 - celery's signal
        logs.configure(settings, "worker")

    app, ctx, lifecycle, pools = make_worker(settings)
    worker = app.Worker(
        hostname=f"{ctx.catalog.machine_name()}@{ctx.machine[:8]}",
        pool="threads",
        concurrency=CONCURRENCY,
        queues=[queue_name(ctx.machine)],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    try:
        worker.start()
    finally:
        lifecycle.stop()
        _leave_tmux(ctx)
        if pools.stop():  # else what is cut off with the process still works on it
            ctx.close()
    return int(worker.exitcode or 0)


def _leave_tmux(ctx: Context) -> None:
    """Ends a tmux server without sessions; one with agents in it goes on."""
    with contextlib.suppress(AiosError):
        if not ctx.tmux.sessions():
            ctx.tmux.stop_if_empty()
