"""Whether it is time to look for a newer AIOS, and the look itself: silent, once for each interval."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import aios_app
from aios_app.domain.errors import AiosError
from aios_app.domain.specs import parse_duration
from aios_app.services.context import Context
from aios_app.services.timers import UPDATE
from aios_app.services.update_aios import Installation, look_for_update
from aios_app.settings import Settings, environment_without
from aios_app.store.catalog import Catalog

logger = logging.getLogger(__name__)


def due_in_s(catalog: Catalog) -> float | None:
    """Seconds until the next look, at least 0; None where none is wanted."""
    if catalog.get("auto_update") != "on":
        return None
    last, interval = int(catalog.get("last_update_check")), parse_duration(catalog.get("check_interval"))
    now = time.time()
    return max(0.0, last + interval - now) if last <= now else 0.0


def note_look(catalog: Catalog) -> None:
    """A look for a newer AIOS begins now."""
    catalog.set("last_update_check", str(int(time.time())))


def send_when_due(ctx: Context) -> bool:
    """Sends ``update_check`` to this machine's worker where it is time for it."""
    if not ctx.settings.has_worker or due_in_s(ctx.catalog) != 0:
        return False
    ctx.queue.send_update_check(ctx.machine)
    return True


def send_or_wait(ctx: Context) -> None:
    """The timer has come; the clock that it was set by may still be a moment behind."""
    if not send_when_due(ctx):
        arm_update_timer(ctx)


def arm_update_timer(ctx: Context) -> None:
    """The worker looks by itself, also where nobody types a command for long."""
    left_s = due_in_s(ctx.catalog)
    if left_s is None:
        ctx.ledger.drop_timers(ctx.machine, "", [UPDATE])
        return
    ctx.ledger.set_timer(ctx.machine, UPDATE, "", ctx.ledger.now_ms() + int(left_s * 1000) + 1)
    if ctx.is_worker:
        ctx.alarm.set()
    else:
        ctx.queue.send_wake(ctx.machine)


def check_for_update(ctx: Context) -> dict[str, Any]:
    """Looks where it is time for it; what is new is built and taken by a program of its own.

    For that program ends the worker that this runs in. A failure is kept for ``aios doctor``, and no error.
    """
    if due_in_s(ctx.catalog) != 0:
        return {"outcome": "not due"}
    note_look(ctx.catalog)
    arm_update_timer(ctx)
    place = installation(ctx.settings, ctx.catalog)
    try:
        news = look_for_update(place)
    except AiosError as error:
        return {"outcome": "failed", "reason": str(error)}
    if not news.behind or news.commit == place.releases.notes.skipped:
        return {"outcome": "nothing new"}
    _start_updater(ctx.settings, news.commit)
    return {"outcome": "updating", "commit": news.commit, "behind": news.behind}


def installation(settings: Settings, catalog: Catalog) -> Installation:
    """Of the code that runs here."""
    running = Path(aios_app.__file__).resolve().parents[1]
    return Installation(
        settings=settings, running=running, fetch_s=parse_duration(catalog.get("fetch_timeout"))
    )


def _start_updater(settings: Settings, commit: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "workers.updater", "take", commit],
        cwd=settings.data_dir,
        env=environment_without("AIOS_") | settings.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # where it fails, this worker outlives it
