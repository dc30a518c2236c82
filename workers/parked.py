"""Tell a listener that came late, such as a restarted Flower, of the tasks that are parked or over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from celery import Celery
from celery.worker.control import Panel

from aios_app.domain.models import Job, JobState
from aios_app.queue.sending import AGENT_SPAWN
from aios_app.services.context import Context
from aios_app.services.find_jobs import list_jobs


def tell_late_listeners(app: Celery, ctx: Context) -> None:
    """After ``enable_events``, which Flower sends when it starts, sends the jobs' events again.

    Flower repeats the command every few seconds: only a listener that was not there before is told.
    """
    enable_events = Panel.data["enable_events"]
    told: set[str] = set()

    def enable_events_and_tell(state: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - celery's control panel
        answer = enable_events(state, **kwargs)
        listeners = ctx.ledger.pubsub_clients()
        if listeners - told:
            threading.Thread(target=_tell, args=(app, ctx, state.hostname), daemon=True).start()
        told.clear()
        told.update(listeners)
        return answer

    Panel.data["enable_events"] = enable_events_and_tell


def _tell(app: Celery, ctx: Context, hostname: str) -> None:
    with app.events.default_dispatcher(hostname=hostname) as dispatcher:
        for job in list_jobs(ctx, "default", None):
            if job.machine == ctx.machine and job.started_ms:
                for kind, values in _events(ctx, job):
                    dispatcher.send(kind, uuid=job.attempt, **values)


def _events(ctx: Context, job: Job) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "task-received",
        {
            "name": AGENT_SPAWN,
            "args": f"(#{job.number} r{job.run} {job.project} {job.agent})",
            "kwargs": f"{{'attempt': '{job.attempt}'}}",
        },
    )
    attempt = ctx.ledger.attempt(job.attempt)
    result = json.loads(attempt.result) if attempt is not None and attempt.result else None
    if result is None:
        yield "task-running", {}
    elif result["state"] == JobState.FAILED:
        yield "task-failed", {"exception": result["cause"]}
    else:
        seconds = max(0, job.finished_ms - job.started_ms) / 1000
        yield "task-succeeded", {"result": repr(result), "runtime": seconds}
