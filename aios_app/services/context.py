"""What every service works on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aios_app.agents import DEFAULT_AGENTS, DEFAULT_PROMPT, FOUNDING_TEMPLATES
from aios_app.ledger.ledger import Ledger
from aios_app.queue.app import make_app
from aios_app.queue.sending import TaskQueue
from aios_app.settings import Settings
from aios_app.stack.address import redis_py_url, redis_url
from aios_app.store.catalog import Catalog
from aios_app.tmux.server import DEFAULT_CONFIG, TmuxServer


class Locks:
    """One lock per job, so that its session is not made and ended at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[int, threading.Lock] = {}

    @contextmanager
    def hold(self, number: int) -> Iterator[None]:
        """Waits for the lock of this job and holds it."""
        with self._guard:
            lock = self._locks.setdefault(number, threading.Lock())
        with lock:
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One instance's catalogue, ledger, queue and tmux server, each safe for several threads."""

    settings: Settings
    catalog: Catalog
    ledger: Ledger
    queue: TaskQueue
    tmux: TmuxServer
    machine: str  #: the id of this machine
    locks: Locks
    is_worker: bool  #: this process keeps the time of this machine, and carries out its tasks
    alarm: threading.Event  #: set when a time limit of this machine was set, or with ``trouble``
    trouble: threading.Event  #: set when Redis failed in the middle of something

    def note_trouble(self) -> None:
        """Asks the worker of this machine to compare everything again, once Redis answers."""
        self.trouble.set()
        self.alarm.set()

    def close(self) -> None:
        self.ledger.close()
        self.catalog.close()


def open_catalog(settings: Settings) -> Catalog:
    """The instance's catalogue, made with the default agents where there is none."""
    return Catalog(
        settings.database,
        default_agents=DEFAULT_AGENTS,
        default_prompt=DEFAULT_PROMPT,
        founding_templates=FOUNDING_TEMPLATES,
    )


def build_context(settings: Settings, queue: TaskQueue | None = None) -> Context:
    """Opens everything; ``queue`` is that of the worker's own application, else one for sending is made.

    Redis is not asked yet: ``reconcile.ensure_ledger`` does that.
    """
    catalog = open_catalog(settings)
    machine = catalog.machine_id()
    return Context(
        settings=settings,
        catalog=catalog,
        ledger=Ledger(redis_py_url(settings)),
        queue=queue or TaskQueue(make_app(redis_url(settings))),  # nameless: only a worker is its machine
        tmux=TmuxServer(
            settings.tmux_socket,
            config=DEFAULT_CONFIG,
            spool_dir=settings.spool_dir,
            user_config=settings.config_dir / "tmux.conf",
            habits=settings.data_dir / "tmux-habits.conf",
        ),
        machine=machine,
        locks=Locks(),
        is_worker=queue is not None,
        alarm=threading.Event(),
        trouble=threading.Event(),
    )
