"""What AIOS sends: for each attempt its chain of tasks, and single tasks by id."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import kombu.exceptions
from celery import Celery, chain, group
from celery.canvas import Signature

from aios_app.domain.errors import QueueError
from aios_app.domain.landing import Landing
from aios_app.domain.models import Job
from aios_app.queue.app import queue_name

#: The version of the messages' arguments; a worker refuses what it does not know.
MESSAGE_VERSION = 1

WORKTREE_CREATE = "worktree_create"
AGENT_SPAWN = "agent_spawn"
AGENT_END = "agent_end"
CATALOG_SYNC = "catalog_sync"
JOB_CHECK = "job_check"
JOB_DROP = "job_drop"
MERGE_PUSH = "merge_push"
PROGRESS_PUSH = "progress_push"
RECONCILE = "reconcile"
WAKE = "wake"
UPDATE_CHECK = "update_check"


class TaskQueue:
    """Sends tasks to the machines' queues. Messages carry ids; the ledger has the rest."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send_attempts(self, jobs: Sequence[Job]) -> None:
        """One group of chains ``worktree_create -> agent_spawn``, each on the queue of the job's machine."""
        chains = [
            chain(
                self._signature(WORKTREE_CREATE, job, worktree_task_id(job.attempt)),
                self._signature(AGENT_SPAWN, job, job.attempt),
                app=self._app,
            )
            for job in jobs
        ]
        if chains:
            with _queue_errors():
                group(chains, app=self._app).apply_async()

    def send_spawn(self, job: Job, attempt: str = "") -> None:
        """The ``agent_spawn`` of the job's attempt again: it reports its end to who watches."""
        with _queue_errors():
            self._signature(AGENT_SPAWN, job, attempt or job.attempt).apply_async()

    def send_end(self, job: Job, reason: str, *, all_processes: bool = False) -> None:
        """Asks the job's machine to end the agent, because of ``stop``, ``close`` or a failure's cause."""
        extra = {"reason": reason, "all_processes": all_processes}
        with _queue_errors():
            self._signature(AGENT_END, job, str(uuid.uuid4()), extra).apply_async()

    def send_drop(self, job: Job) -> None:
        """Asks the job's machine to put its work into the trash: another was picked."""
        with _queue_errors():
            self._signature(JOB_DROP, job, str(uuid.uuid4())).apply_async()

    def send_check(self, job: Job) -> None:
        """The ``job_check`` of the job's turn; again once it is over, to report that to who watches."""
        with _queue_errors():
            self._signature(JOB_CHECK, job, check_task_id(job)).apply_async()

    def send_progress(self, job: Job) -> None:
        """The ``progress_push`` of the job: origin gets its work, or loses it once that is gone."""
        with _queue_errors():
            self._signature(PROGRESS_PUSH, job, str(uuid.uuid4())).apply_async()

    def send_landing(self, landing: Landing, machine: str) -> None:
        """The ``merge_push`` of a landing; again once it is over, to report that to who watches."""
        kwargs = {"v": MESSAGE_VERSION, "landing": landing.id, "job": landing.job}
        words = f"(#{landing.job} on {landing.label})"
        with _queue_errors():
            self._app.send_task(
                MERGE_PUSH,
                kwargs=kwargs,
                task_id=landing.id,
                queue=queue_name(machine),
                argsrepr=words,
            )

    def send_reconcile(self, machine: str) -> None:
        """Asks a machine to compare ledger, queue, tmux and spool."""
        with _queue_errors():
            self._app.send_task(RECONCILE, kwargs={"v": MESSAGE_VERSION}, queue=queue_name(machine))

    def send_catalogue(self, machine: str) -> None:
        """Tells a machine that the cluster's catalogue has changed."""
        with _queue_errors():
            self._app.send_task(CATALOG_SYNC, kwargs={"v": MESSAGE_VERSION}, queue=queue_name(machine))

    def send_wake(self, machine: str) -> None:
        """Tells a machine that its timers have an earlier one."""
        with _queue_errors():
            self._app.send_task(WAKE, kwargs={"v": MESSAGE_VERSION}, queue=queue_name(machine))

    def send_update_check(self, machine: str) -> None:
        """Asks a machine to look for a newer AIOS, where it is time for it."""
        with _queue_errors():
            self._app.send_task(UPDATE_CHECK, kwargs={"v": MESSAGE_VERSION}, queue=queue_name(machine))

    def pending_attempts(self, machine: str) -> set[str]:
        """The attempts whose task the machine's worker has not received yet, or has not finished."""
        connection = self._app.connection_for_read()
        with _queue_errors(*connection.connection_errors), connection:
            channel: Any = connection.default_channel
            waiting = channel.client.lrange(queue_name(machine), 0, -1)
            unacked = channel.client.hvals(f"unacked.{machine}")
        messages = [json.loads(text) for text in waiting] + [json.loads(text)[0] for text in unacked]
        return {_attempt_of(message) for message in messages}

    def _signature(
        self, name: str, job: Job, task_id: str, extra: dict[str, Any] | None = None
    ) -> Signature[Any]:
        attempt = task_id if name == AGENT_SPAWN else job.attempt
        kwargs = {"v": MESSAGE_VERSION, "attempt": attempt} | (extra or {})
        return Signature(
            name,
            kwargs=kwargs,
            immutable=True,
            app=self._app,
            options={
                "task_id": task_id,
                "queue": queue_name(job.machine),
                "argsrepr": words_of(job),
            },
        )


def words_of(job: Job) -> str:
    """What a person reads of a job's task in the place of its arguments, which are ids."""
    return f"(#{job.number} r{job.run} {job.project} {job.agent})"


def worktree_task_id(attempt: str) -> str:
    """The id of the ``worktree_create`` that goes before the ``agent_spawn`` of this attempt."""
    return str(uuid.uuid5(uuid.UUID(attempt), WORKTREE_CREATE))


def check_task_id(job: Job) -> str:
    """The id of the ``job_check`` of the job's turn."""
    return str(uuid.uuid5(uuid.UUID(job.attempt), f"{JOB_CHECK} {job.turns}"))


def _attempt_of(message: dict[str, Any]) -> str:
    _, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    return str(kwargs.get("attempt", ""))


#: What kombu raises where it cannot send; the last two where another thread closes the connection meanwhile,
#: as a worker does that has lost it.
_UNSENT: tuple[type[BaseException], ...] = (
    kombu.exceptions.OperationalError,
    OSError,
    kombu.exceptions.ConnectionError,
    AttributeError,
)


@contextmanager
def _queue_errors(*more: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except _UNSENT + more as error:
        raise QueueError("Redis does not take tasks: aios up, or look at aios doctor", str(error)) from error
