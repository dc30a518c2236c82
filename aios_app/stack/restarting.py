"""The programs of a running stack go over to another release one after another; Redis and agents go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack.locks import exclusive
from aios_app.stack.processes import Record, ask_to_end, find_process
from aios_app.stack.states import has_said_ready, last_words
from aios_app.stack.supervisor import Supervisor, interpreter, is_supervised, set_interpreter
from aios_app.stack.unix_http import get_json
from aios_app.stack.waiting import tries

#: What is at work has so long to end by itself before it is cut off, and done again by the next worker.
_WARM_S = 30.0
_START_S = 30.0
#: So long it has to live on before it counts as come up.
_SETTLE_S = 1.0
_LOCK_S = 30.0
_MOST_STARTS = 2
_STAYS = "redis"
_FIRST = "worker"


def python_of(release: Path) -> Path:
    """The interpreter of its environment."""
    return release / ".venv/bin/python"


def is_between(settings: Settings, old: Path, new: Path) -> bool:
    """Whether programs of the old release still run, and beside them at most some of the new one."""
    if not is_supervised(settings):
        return False
    found = [Record.read(settings.run_dir, name) for name in _names(settings)]
    pythons = {one.argv[0] for one in found if one is not None and one.process.is_alive}
    return str(python_of(old)) in pythons <= {str(python_of(old)), str(python_of(new))}


def restart(settings: Settings, release: Path) -> list[str]:
    """Brings up all programs but Redis with that release, each after its running tasks; returns their names.

    Nothing where the stack is down. A program that does not come up raises ``StackError`` with its last
    words: the others then may run with either release.
    """
    if not is_supervised(settings):
        return []
    with exclusive(settings.run_dir / "up.lock", deadline_s=_LOCK_S):
        set_interpreter(settings, python_of(release))
        names = _names(settings)
        for name in names:
            _restart(settings, name)
    return names


def stop_programs(settings: Settings) -> None:
    """Stops all but Redis, the worker last; ``restart`` starts them again."""
    if is_supervised(settings):
        for name in reversed(_names(settings)):
            Supervisor(settings, timeout_s=_WARM_S).stop(name)


def _names(settings: Settings) -> list[str]:
    names = {info["name"] for info in Supervisor(settings).infos()} - {_STAYS}
    return sorted(names, key=lambda name: (name != _FIRST, name))


def _restart(settings: Settings, name: str) -> None:
    """By a signal: the supervisor starts again what ends, also when nobody is there any more to ask it to."""
    old = 0 if _runs_current(settings, name) else _pid(settings, name)
    process = find_process(old) if old else None
    if process is not None:
        ask_to_end(process)
        if not any(_pid(settings, name) != old for _ in tries(_WARM_S)):
            Supervisor(settings, timeout_s=_WARM_S).stop(name)
    _await_new(settings, name, old)


def _await_new(settings: Settings, name: str, old: int) -> None:
    starts: set[int] = set()
    seen, since = 0, time.monotonic()
    for _ in tries(_START_S):
        state = _info(settings, name)
        if state["statename"] in {"STOPPED", "EXITED"}:
            Supervisor(settings).start(name)
        if state["pid"] not in {0, old} or state["statename"] == "BACKOFF":
            starts.add(state["start"])
        if state["statename"] == "FATAL" or len(starts) > _MOST_STARTS:
            raise StackError(f"{name} of this version ends again and again", last_words(settings, name))
        pid = int(state["pid"]) if state["statename"] == "RUNNING" else 0
        if pid != seen:
            seen, since = pid, time.monotonic()
        is_settled = pid not in {0, old} and time.monotonic() - since >= _SETTLE_S
        if is_settled and _works(settings, name, pid):
            return
    raise StackError(f"{name} of this version is not there after {_START_S:g} s", last_words(settings, name))


def _works(settings: Settings, name: str, pid: int) -> bool:
    """Whether it is what it should be, and at work."""
    if not _runs_current(settings, name):
        raise StackError(f"{name} runs with another version still: aios down, then aios up")
    if name == _FIRST:
        return has_said_ready(settings, name, pid)
    return name != "web" or _web_pid(settings) == pid


def _runs_current(settings: Settings, name: str) -> bool:
    """Whether the program, be it ready or not, is of the release that is wanted."""
    found = Record.read(settings.run_dir, name)
    return found is not None and found.process.is_alive and found.argv[0] == str(interpreter(settings))


def _web_pid(settings: Settings) -> int:
    """Of the service that answers; 0 where none does."""
    status = get_json(settings.api_socket, "/api/v1/status")
    web = status.get("web") if isinstance(status, dict) else None
    return int(web.get("pid", 0)) if isinstance(web, dict) else 0


def _pid(settings: Settings, name: str) -> int:
    return int(_info(settings, name)["pid"])


def _info(settings: Settings, name: str) -> dict[str, Any]:
    return next(info for info in Supervisor(settings).infos() if info["name"] == name)
