"""Tell those who listen to Celery's events, such as Flower, of the jobs: also when they came late.

What Celery says by itself ends with the task: that its agent has a further turn, or that its work has landed,
is told from the ledger's events.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from celery import Celery
from celery.events import EventDispatcher
from celery.worker.control import Panel

from aios_app.domain.errors import AiosError
from aios_app.domain.models import LIVE_STATES, Job, JobState
from aios_app.queue.sending import AGENT_SPAWN, words_of
from aios_app.services.context import Context
from aios_app.services.find_jobs import list_jobs
from aios_app.services.finish_job import task_result

logger = logging.getLogger(__name__)

#: Flower asks for events every 5 seconds; who is silent for this long is gone.
SILENCE_S = 30.0
_WAIT_S = 10.0


class Listeners:
    """Events cost a third of a task, so none are sent until a listener asks for them with ``enable_events``.

    Flower does so when it starts, and again every few seconds: one that was not there before is told of all
    jobs of this machine, and from then on of each change, as long as anybody asks.
    """

    def __init__(self, app: Celery, ctx: Context) -> None:
        self.are_there = False
        self._app = app
        self._ctx = ctx
        self._known: set[str] = set()
        self._heard_s = 0.0
        self._following: threading.Thread | None = None
        self._enable_events = Panel.data["enable_events"]
        Panel.data["enable_events"] = self._enable_and_tell

    def _enable_and_tell(self, state: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - celery's control panel
        _begin_events(self._app, state.consumer)
        answer = self._enable_events(state, **kwargs)
        self.are_there = True
        self._heard_s = time.monotonic()
        listeners = self._ctx.ledger.pubsub_clients()
        if listeners - self._known:
            self._begin(self._tell_all, state.hostname)
        self._known = listeners
        if self._following is None or not self._following.is_alive():
            self._following = self._begin(self._follow, state.hostname)
        return answer

    def _begin(self, call: Callable[[EventDispatcher], None], hostname: str) -> threading.Thread:
        thread = threading.Thread(target=self._dispatch, args=(call, hostname), daemon=True)
        thread.start()
        return thread

    def _dispatch(self, call: Callable[[EventDispatcher], None], hostname: str) -> None:
        try:
            with self._app.events.default_dispatcher(hostname=hostname) as dispatcher:
                call(dispatcher)
        except (AiosError, OSError) as error:
            logger.warning("listeners are not told: %s", error)

    def _tell_all(self, dispatcher: EventDispatcher) -> None:
        jobs = list_jobs(self._ctx, "default", None)
        self._tell(dispatcher, jobs)
        for job in jobs:
            if job.machine == self._ctx.machine and job.attempt_no > 1:
                self._tell_former(dispatcher, job)

    def _tell_former(self, dispatcher: EventDispatcher, job: Job) -> None:
        """What came of the job's earlier attempts, whose end a worker that died may not have told."""
        folder = self._ctx.settings.jobs_dir / str(job.number)
        names = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
        for name in names - {job.attempt}:
            attempt = self._ctx.ledger.attempt(name)
            if attempt is not None and attempt.result:
                result = json.loads(attempt.result)
                ended = replace(
                    job, attempt=name, state=JobState(result["state"]), cause=str(result["cause"])
                )
                self._send(dispatcher, ended)

    def _follow(self, dispatcher: EventDispatcher) -> None:
        """Until nobody asks any more, or Redis goes away: who asks again begins this anew."""
        after = self._ctx.ledger.last_event_id()
        while time.monotonic() - self._heard_s < SILENCE_S:
            after = self._tell_changes(dispatcher, after)

    def _tell_changes(self, dispatcher: EventDispatcher, after: str) -> str:
        events = self._ctx.ledger.wait_events(after, timeout_s=_WAIT_S)
        numbers = {event.job for event in events if event.job}
        self._tell(dispatcher, self._ctx.ledger.jobs(sorted(numbers)))
        return events[-1].id if events else after

    def _tell(self, dispatcher: EventDispatcher, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if job.machine == self._ctx.machine and job.attempt:
                self._send(dispatcher, job)

    def _send(self, dispatcher: EventDispatcher, job: Job) -> None:
        for kind, values in _events(job):
            dispatcher.send(kind, uuid=job.attempt, **values)


def _events(job: Job) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the task of the job's attempt is, and how it stands."""
    task = {"name": AGENT_SPAWN, "args": words_of(job), "kwargs": f"{{'attempt': '{job.attempt}'}}"}
    yield ("task-sent" if job.state is JobState.QUEUED else "task-received"), task
    if job.state in LIVE_STATES - {JobState.QUEUED}:
        # The kind names the state, but not that of a task that was over: there the field does.
        yield f"task-{job.state}", {"state": job.state.upper()}
    elif job.state is JobState.FAILED:
        yield "task-failed", {"exception": job.cause}
    elif job.state is not JobState.QUEUED:
        seconds = max(0, job.finished_ms - job.started_ms) / 1000
        yield "task-succeeded", {"result": repr(task_result(job, job.state, job.cause)), "runtime": seconds}


def _begin_events(app: Celery, consumer: Any) -> None:  # noqa: ANN401 - celery's consumer has no type
    """Gives the consumer what it sends events with: a worker that began without them has none."""
    if consumer.event_dispatcher is None:
        connection = consumer.connection_for_write()
        consumer.event_dispatcher = app.events.Dispatcher(connection, hostname=consumer.hostname)
        consumer.update_strategies()  # whether a task's events are sent was decided with its strategy
