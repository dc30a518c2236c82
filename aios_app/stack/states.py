"""What runs of the stack now, from the programs' own records and from the supervisor."""

from __future__ import annotations

import os
from dataclasses import dataclass

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack import supervisor
from aios_app.stack.locks import is_held
from aios_app.stack.processes import Record
from aios_app.stack.supervisor import Supervisor, is_supervised

_LOG_LINES = 8
_LOG_BYTES = 4096
#: How the lines of a traceback begin that say where.
_TRACEBACK = ("Traceback (", " ", "\t")
#: Who talks to others ends before them.
_STOP_ORDER = ("web", "worker", "relay", "redis", supervisor.NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramState:
    """One program as it is now; ``state`` is the supervisor's word in lower case, or ``orphaned``."""

    name: str
    pid: int | None
    state: str
    uptime_s: float


def programs(settings: Settings) -> list[ProgramState]:
    """The programs and the supervisor, in stop order; what a dead supervisor left is ``orphaned``.

    [] when all is down.
    """
    records = {found.name: found for found in living(settings)}
    states = _supervised_states(settings)
    rest = "running" if supervisor.NAME in records else "orphaned"
    return [
        _state(name, records.get(name), states.get(name, rest)) for name in in_stop_order({*records, *states})
    ]


def living(settings: Settings) -> list[Record]:
    """The records, in stop order, of programs that hold their lock and live."""
    names = in_stop_order({path.stem for path in settings.run_dir.glob("*.json")})
    held = [name for name in names if is_held(settings.run_dir / f"{name}.lock")]
    records = [Record.read(settings.run_dir, name) for name in held]
    return [found for found in records if found is not None and found.process.is_alive]


def in_stop_order(names: set[str]) -> list[str]:
    """Unknown programs come first: nothing of ours is known to talk to them."""
    return sorted(names, key=lambda name: (_STOP_ORDER.index(name) if name in _STOP_ORDER else -1, name))


def say_ready(settings: Settings, name: str) -> None:
    """Of the program that calls it: it is at work, not only started."""
    path = settings.run_dir / f"{name}.ready"
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(str(os.getpid()))
    fresh.replace(path)


def has_said_ready(settings: Settings, name: str, pid: int) -> bool:
    """Whether the program of that pid has called ``say_ready``."""
    try:
        return (settings.run_dir / f"{name}.ready").read_text() == str(pid)
    except OSError:
        return False


def last_words(settings: Settings, name: str) -> str:
    """The last lines that the program has written; of a traceback what went wrong, not where."""
    try:
        text = (settings.logs_dir / f"{name}.log").read_text(errors="replace")
    except OSError:
        return ""
    lines = [line for line in text[-_LOG_BYTES:].splitlines() if line.strip()]
    return "\n".join([line for line in lines if not line.startswith(_TRACEBACK)][-_LOG_LINES:])


def _state(name: str, found: Record | None, state: str) -> ProgramState:
    if found is None:
        return ProgramState(name=name, pid=None, state=state, uptime_s=0)
    return ProgramState(name=name, pid=found.process.pid, state=state, uptime_s=found.process.uptime_s)


def _supervised_states(settings: Settings) -> dict[str, str]:
    if not is_supervised(settings):
        return {}
    try:
        return {info["name"]: str(info["statename"]).lower() for info in Supervisor(settings).infos()}
    except StackError:
        return {}
