"""``aios up``: all programs of one instance, started once and ready when it returns."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import StackError
from aios_app.settings import Settings, is_inside_agent
from aios_app.stack import redis_server, supervisor
from aios_app.stack.address import check_outside_redis, redis_py_url, redis_url
from aios_app.stack.cluster import check_not_removed
from aios_app.stack.directories import prepare_directories
from aios_app.stack.down import down, stop_all
from aios_app.stack.locks import exclusive
from aios_app.stack.states import ProgramState, last_words, programs
from aios_app.stack.supervisor import Infos, Program, Supervisor, is_supervised, set_interpreter
from aios_app.stack.unix_http import get_json, is_listening
from aios_app.stack.waiting import tries

__all__ = ["ProgramState", "UpReport", "down", "is_up", "programs", "redis_py_url", "redis_url", "up"]

#: So many ends within the first second, one after another, are no accident.
_MAX_QUICK_ENDS = 3
#: Seconds that what a killed supervisor left has to end; work that is cut off is done again.
_ORPHANS_S = 4.0
_STARTED = frozenset({"RUNNING", "STARTING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpReport:
    """What ``up`` came to. ``engine`` is the embedded server and its version, or where another one is."""

    started: bool
    took_s: float
    engine: str


def up(settings: Settings, *, deadline_s: float = 30, table: Sequence[Program] | None = None) -> UpReport:
    """Returns when all programs have lived a second, the API answers and the worker lives.

    What runs already is left alone; two callers at once start one stack. On failure what this call
    started is stopped again, and a ``StackError`` carries the failing program's last words. ``table``
    replaces the usual programs.
    """
    if is_inside_agent():
        raise StackError("the stack is down, and agents never start it: run aios up yourself")
    check_not_removed(settings)
    began = time.monotonic()
    prepare_directories(settings)
    with exclusive(settings.run_dir / "up.lock", deadline_s=deadline_s):
        engine = None if settings.redis_url else redis_server.find_engine()
        started = not (is_supervised(settings) and _is_ready(settings, Supervisor(settings).infos()))
        if started:
            _start(settings, engine, table, deadline_s=deadline_s)
    took_s = time.monotonic() - began
    outside = "the cluster's" if settings.is_member else "given by AIOS_REDIS_URL"
    return UpReport(started=started, took_s=took_s, engine=str(engine or outside))


def is_up(settings: Settings) -> bool:
    """Whether the API accepts connections; costs one connect."""
    return is_listening(settings.api_socket)


def _start(
    settings: Settings,
    engine: redis_server.Engine | None,
    table: Sequence[Program] | None,
    *,
    deadline_s: float,
) -> None:
    check_outside_redis(settings)
    if is_supervised(settings):
        if engine and not (settings.redis_dir / "server.conf").exists():  # its data was deleted
            redis_server.write_config(settings, engine)
        set_interpreter(settings, Path(sys.executable))
        _start_again(settings)
        _wait_until_ready(settings, deadline_s)
        return
    stop_all(settings, deadline_s=_ORPHANS_S)  # whose answers would pass for those of the new ones
    if engine:
        redis_server.write_config(settings, engine)
    try:
        chosen = supervisor.default_programs(settings, engine) if table is None else table
        supervisor.launch(settings, chosen, deadline_s=deadline_s)
        _wait_until_ready(settings, deadline_s)
    except BaseException:
        stop_all(settings, deadline_s=deadline_s)
        raise


def _start_again(settings: Settings) -> None:
    running = Supervisor(settings)
    for info in running.infos():
        if info["statename"] not in _STARTED:
            running.stop(info["name"])  # ends the long pause between the supervisor's own tries
            running.start(info["name"])


def _is_ready(settings: Settings, infos: Infos) -> bool:
    if any(info["statename"] != "RUNNING" for info in infos):
        return False
    status = get_json(settings.api_socket, "/api/v1/status")
    worker = status.get("worker") if isinstance(status, dict) else None
    return isinstance(worker, dict) and (worker.get("is_alive") is True or not settings.has_worker)


def _wait_until_ready(settings: Settings, deadline_s: float) -> None:
    running = Supervisor(settings)
    quick_ends: set[tuple[str, int]] = set()
    for _ in tries(deadline_s):
        check_not_removed(settings)
        infos = running.infos()
        if _is_ready(settings, infos):
            return
        quick_ends |= {(info["name"], info["start"]) for info in infos if info["statename"] == "BACKOFF"}
        for name, count in Counter(name for name, _ in quick_ends).items():
            if count >= _MAX_QUICK_ENDS:
                raise StackError(f"{name} ends as soon as it is started", last_words(settings, name))
    raise _too_late(settings, running, deadline_s)


def _too_late(settings: Settings, running: Supervisor, deadline_s: float) -> StackError:
    silent = [info["name"] for info in running.infos() if info["statename"] != "RUNNING"]
    culprit = silent[0] if silent else "worker" if is_up(settings) else "web"
    return StackError(
        f"{culprit} is not ready after {deadline_s:g} s, see {settings.logs_dir / culprit}.log",
        last_words(settings, culprit),
    )
