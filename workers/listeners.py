"""Tell those who listen to Celery's events, such as Flower, of the jobs: also when they came late."""

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


class Listeners:
    """Events cost a third of a task, so none are sent until a listener asks for them with ``enable_events``.

    Flower does so when it starts, and again every few seconds: one that was not there before is told of the
    jobs that are parked or over.
    """

    def __init__(self, app: Celery, ctx: Context) -> None:
        self.are_there = False
        self._app = app
        self._ctx = ctx
        self._told: set[str] = set()
        self._enable_events = Panel.data["enable_events"]
        Panel.data["enable_events"] = self._enable_and_tell

    def _enable_and_tell(self, state: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - celery's control panel
        _begin_events(self._app, state.consumer)
        answer = self._enable_events(state, **kwargs)
        self.are_there = True
        listeners = self._ctx.ledger.pubsub_clients()
        if listeners - self._told:
            threading.Thread(target=self._tell, args=(state.hostname,), daemon=True).start()
        self._told = listeners
        return answer

    def _tell(self, hostname: str) -> None:
        with self._app.events.default_dispatcher(hostname=hostname) as dispatcher:
            for job in list_jobs(self._ctx, "default", None):
                if job.machine == self._ctx.machine and job.started_ms:
                    for kind, values in self._events(job):
                        dispatcher.send(kind, uuid=job.attempt, **values)

    def _events(self, job: Job) -> Iterator[tuple[str, dict[str, Any]]]:
        yield (
            "task-received",
            {
                "name": AGENT_SPAWN,
                "args": f"(#{job.number} r{job.run} {job.project} {job.agent})",
                "kwargs": f"{{'attempt': '{job.attempt}'}}",
            },
        )
        attempt = self._ctx.ledger.attempt(job.attempt)
        result = json.loads(attempt.result) if attempt is not None and attempt.result else None
        if result is None:
            yield "task-running", {}
        elif result["state"] == JobState.FAILED:
            yield "task-failed", {"exception": result["cause"]}
        else:
            seconds = max(0, job.finished_ms - job.started_ms) / 1000
            yield "task-succeeded", {"result": repr(result), "runtime": seconds}


def _begin_events(app: Celery, consumer: Any) -> None:  # noqa: ANN401 - celery's consumer has no type
    """Gives the consumer what it sends events with: a worker that began without them has none."""
    if consumer.event_dispatcher is None:
        connection = consumer.connection_for_write()
        consumer.event_dispatcher = app.events.Dispatcher(connection, hostname=consumer.hostname)
        consumer.update_strategies()  # whether a task's events are sent was decided with its strategy
