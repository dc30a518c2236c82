"""Processes that are not our children: told apart by pid and start time, so that no reused pid is hit."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: In the place of a program's interpreter: that of the release which the stack runs with.
PYTHON = "python"
#: After SIGKILL only a process in uninterruptible sleep takes longer.
_KILL_WAIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of this boot. ``started`` is in clock ticks since boot, as the kernel counts them."""

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        return find_process(self.pid) == self

    @property
    def uptime_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a program of the stack left on disk about itself; true only while its lock is held."""

    name: str
    process: Process
    argv: tuple[str, ...]
    parent: Process

    def write(self, run_dir: Path) -> None:
        path = run_dir / f"{self.name}.json"
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(path)

    @classmethod
    def read(cls, run_dir: Path, name: str) -> Self | None:
        """None where there is none, or none that makes sense."""
        try:
            values = json.loads((run_dir / f"{name}.json").read_text())
            return cls(
                name=name,
                process=Process(**values["process"]),
                argv=tuple(values["argv"]),
                parent=Process(**values["parent"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def find_process(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none, or only its unreaped rest."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    state, *fields = stat[stat.rindex(b")") + 2 :].split()
    return None if state in (b"Z", b"X") else Process(pid=pid, started=int(fields[18]))


def record(name: str, pid: int, argv: Sequence[str]) -> Record | None:
    """What is to be written about a living process; None when it is gone already."""
    process = find_process(pid)
    parent = find_process(os.getppid())
    if process is None or parent is None:
        return None
    return Record(name=name, process=process, argv=tuple(argv), parent=parent)


def end_process(process: Process, *, grace_s: float) -> bool:
    """SIGTERM, SIGKILL after ``grace_s``; returns whether it is gone. It need not be a child of ours."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        return not process.is_alive or _end(descriptor, grace_s)
    finally:
        os.close(descriptor)


def ask_to_end(process: Process) -> None:
    """SIGTERM, and no harm where it has ended already."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if process.is_alive:
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _end(descriptor: int, grace_s: float) -> bool:
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, _KILL_WAIT_S)):
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return True
        if _has_ended(descriptor, wait_s):
            return True
    return False


def _has_ended(descriptor: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, wait_s) * 1000))
