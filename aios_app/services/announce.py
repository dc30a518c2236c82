"""Announce jobs that wait or failed: once, and many in one message."""

from __future__ import annotations

import threading

from aios_app.domain.models import JobState
from aios_app.domain.news import event_of, headline
from aios_app.services.context import Context
from aios_app.services.timers import NEWS
from aios_app.stack.notifier import OFF, notify

#: Seconds in which news are collected into one message.
_COLLECT_S = 5


def announce(ctx: Context, number: int) -> None:
    """The job waits or has failed: a person is told within some seconds, unless it is over by then."""
    if ctx.catalog.get("notify") == OFF:
        return
    ctx.ledger.note_news(ctx.machine, number)
    due_ms = ctx.ledger.now_ms() + 1000 * _COLLECT_S
    ctx.ledger.set_timer(ctx.machine, NEWS, "", due_ms, is_movable=False)
    ctx.alarm.set()


def tell_news(ctx: Context) -> None:
    """Tells what was collected, without waiting until it is told."""
    way = ctx.catalog.get("notify")
    jobs = [
        job for job in ctx.ledger.take_news(ctx.machine) if job.state in {JobState.WAITING, JobState.FAILED}
    ]
    if way == OFF or not jobs:
        return
    numbers = ",".join(str(job.number) for job in jobs)
    told = {"event": event_of(jobs), "jobs": numbers}
    threading.Thread(target=notify, args=(way, headline(jobs)), kwargs=told, daemon=True).start()
