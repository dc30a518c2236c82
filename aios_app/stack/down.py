"""``aios down``: the programs of one instance end, politely where that works."""

from __future__ import annotations

import time

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack import supervisor
from aios_app.stack.locks import exclusive
from aios_app.stack.processes import Record, end_process
from aios_app.stack.states import in_stop_order, living
from aios_app.stack.supervisor import Supervisor, is_supervised
from aios_app.stack.waiting import tries


def down(settings: Settings, *, deadline_s: float = 20) -> list[str]:
    """Ends web, worker, Redis, then the supervisor, also what a killed supervisor left; returns their names.

    Agents go on in tmux.
    """
    if not settings.run_dir.is_dir():
        return []
    with exclusive(settings.run_dir / "up.lock", deadline_s=deadline_s):
        return stop_all(settings, deadline_s=deadline_s)


def stop_all(settings: Settings, *, deadline_s: float) -> list[str]:
    """What ``down`` does, for a caller that holds its lock."""
    found = living(settings)
    end = time.monotonic() + deadline_s
    if is_supervised(settings):
        _stop_politely(settings, end)
    # A living supervisor would start again what is ended behind its back.
    for left in sorted(living(settings), key=lambda record: record.name != supervisor.NAME):
        _end(left, grace_s=_left(end))
    return [record.name for record in found]


def _stop_politely(settings: Settings, end: float) -> None:
    """What does not answer here is ended by its pid afterwards."""
    try:
        for name in in_stop_order({info["name"] for info in _supervisor(settings, end).infos()}):
            _supervisor(settings, end).stop(name)
        _supervisor(settings, end).shutdown()
    except StackError:
        return
    any(not is_supervised(settings) for _ in tries(_left(end)))


def _supervisor(settings: Settings, end: float) -> Supervisor:
    return Supervisor(settings, timeout_s=_left(end))


def _end(record: Record, *, grace_s: float) -> None:
    if not end_process(record.process, grace_s=grace_s):
        raise StackError(f"{record.name}, pid {record.process.pid}, does not end, not even by SIGKILL")


def _left(end: float) -> float:
    return max(1.0, end - time.monotonic())
