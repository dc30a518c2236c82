"""What a worker does beside its tasks: recover, watch the spool, keep time, tell late listeners.

Shutdown order: the signal comes, the blocked read of the queue is ended, tasks at work finish, then the spool
watcher and the clock stop, then what is at work beside the queue, which the next worker begins again. Agents
go on in tmux.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutting_down

from aios_app.domain.errors import AiosError, MachineRemoved
from aios_app.domain.machines import client_name
from aios_app.services.context import Context
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.handle_signal import handle_signal
from aios_app.services.machine_news import Herald
from aios_app.services.reconcile import ensure_ledger, reconcile
from aios_app.services.update_check import arm_update_timer
from aios_app.spool.files import Signal
from aios_app.spool.watcher import SpoolWatcher
from aios_app.stack.states import say_ready
from aios_app.stack.supervisor import Supervisor

logger = logging.getLogger(__name__)

#: Seconds between two sweeps that look for what no event told: a net, nothing relies on it.
SWEEP_S = 1800.0
#: Seconds between two recoveries after Redis failed in the middle of something.
_RETRY_S = 10.0
_UNBLOCK_PAUSE_S = 0.1
#: What passes, such as a tmux that did not answer or a full disk: everything is looked at again then.
_TROUBLE = (AiosError, OSError)


class Lifecycle:
    """The threads of one worker beside its task pool."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._watcher = SpoolWatcher(ctx.settings.spool_dir, self._handle)
        self._is_watching = False
        self._over = threading.Event()
        self._recovering = threading.Lock()
        self._sweep_at = time.monotonic() + SWEEP_S
        self._herald = Herald(ctx)
        self._clock = threading.Thread(target=self._keep_time, name="clock", daemon=True)

    def connected(self, consumer: Any) -> None:  # noqa: ANN401 - celery's consumer has no type
        """Celery has (again) a connection: takes back its own messages and makes the ledger true."""
        with self._noted("no ledger yet"):
            ensure_ledger(self._ctx)  # before the first task comes: it would be refused
        self._herald.hurry()
        restore_unacknowledged(consumer.task_consumer.channel)
        say_ready(self._ctx.settings, "worker")
        if not self._clock.is_alive():
            self._clock.start()
        threading.Thread(target=self._recover, name="recover", daemon=True).start()

    def stop(self) -> None:
        """Stops watching; what comes meanwhile stays in the spool."""
        self._over.set()
        self._ctx.alarm.set()
        with contextlib.suppress(AiosError):
            self._herald.fall_silent()
        if self._is_watching:
            self._watcher.stop()

    def unblock(self) -> None:
        """Ends blocked reads of the queue until ``stop``: one may be yet to begin, or Redis answer late."""
        name = client_name(self._ctx.machine)
        while not self._over.is_set():
            with contextlib.suppress(AiosError):
                self._ctx.ledger.unblock(name)
            self._over.wait(_UNBLOCK_PAUSE_S)

    def _recover(self) -> None:
        with self._recovering:
            # A task that just failed is in the queue until it is acknowledged: it is looked for once more.
            rest_s = _RETRY_S if self._ctx.trouble.is_set() else SWEEP_S
            self._ctx.trouble.clear()
            with self._noted("not recovered"):
                ensure_ledger(self._ctx)
                self._watch()
                reconcile(self._ctx)
                arm_update_timer(self._ctx)
            self._sweep_at = time.monotonic() + rest_s
            self._ctx.alarm.set()

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        try:
            yield
        except MachineRemoved as error:
            logger.error("%s", error)  # noqa: TRY400 - the sentence is for a person
            with contextlib.suppress(AiosError):
                Supervisor(self._ctx.settings).shutdown()  # whoever asks for the stack again is told why
        except _TROUBLE as error:
            logger.warning("%s: %s", what, error)
            self._ctx.note_trouble()

    def _handle(self, signal: Signal) -> None:
        try:
            handle_signal(self._ctx, signal)
        except _TROUBLE:
            self._ctx.note_trouble()
            raise

    def _watch(self) -> None:
        if self._is_watching:
            self._watcher.rescan()
            return
        self._watcher.start()
        self._is_watching = True

    def _keep_time(self) -> None:
        """One timer, for the limit that is due first; between limits the sweep, and what trouble asks for."""
        rest_until = time.monotonic()
        while not self._over.is_set():
            self._ctx.alarm.clear()
            if time.monotonic() >= (rest_until if self._ctx.trouble.is_set() else self._sweep_at):
                self._recover()
                rest_until = time.monotonic() + _RETRY_S
                self._ctx.alarm.clear()
            limit_s = self._next_limit_s()
            due_at = min(self._sweep_at, rest_until) if self._ctx.trouble.is_set() else self._sweep_at
            self._ctx.alarm.wait(max(0.0, min(limit_s, due_at - time.monotonic())))

    def _next_limit_s(self) -> float:
        """Seconds until the first limit is due, or the next sign of life to other machines."""
        try:
            dues = (fire_due_timers(self._ctx), self._herald.speak())
        except _TROUBLE as error:
            logger.warning("limits not looked at: %s", error)
            self._ctx.trouble.set()
            return SWEEP_S
        return min((due_s for due_s in dues if due_s is not None), default=SWEEP_S)


def recovery_step(lifecycle: Lifecycle) -> type[bootsteps.StartStopStep]:
    """The consumer's step that runs at each new connection; ``worker_ready`` comes only at the first."""

    class Recovery(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, parent: Any) -> None:  # noqa: ANN401 - celery's consumer has no type
            lifecycle.connected(parent)

    return Recovery


def restore_unacknowledged(channel: Any) -> None:  # noqa: ANN401 - kombu's channel has no type
    """Puts this machine's messages that a dead worker had taken back into the queue.

    The keys are this machine's own, and one worker per machine is guarded by its lock.
    """
    mine = set(channel.qos._delivered)
    with channel.conn_or_acquire() as client:
        tags = [tag.decode() if isinstance(tag, bytes) else tag for tag in client.hkeys(channel.unacked_key)]
    for tag in tags:
        if tag not in mine:
            channel.qos.restore_by_tag(tag)


def unblock_at_shutdown(lifecycle: Lifecycle) -> None:
    """Ends the worker's blocked read of the queue when it is told to stop; it would wait a minute else."""

    @worker_shutting_down.connect(weak=False)
    def unblock(**_: object) -> None:
        threading.Thread(target=lifecycle.unblock, daemon=True).start()
