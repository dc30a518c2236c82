"""The files of the spool: ``<attempt>.<seq>.<kind>``, each one signal, written by rename."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

#: What an agent, its wrapper or its launcher can say; ``hook`` is an agent's own hook in its own words.
KINDS = frozenset({"started", "setup", "conversation", "prompt", "waiting", "turn", "hook", "step", "exit"})
#: Notices of the tmux server, which say only that something happened somewhere.
NOTICES = {".tmux.closed": "closed", ".tmux.silence": "silence", ".tmux.detached": "detached"}

MAX_PAYLOAD_BYTES = 1_000_000
TEMPORARY = ".tmp."

_NAME = re.compile(r"(?P<attempt>[A-Za-z0-9_-]{1,64})\.(?P<seq>[0-9]{1,20})\.(?P<kind>[a-z]{1,16})")


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened to an attempt. Signals are handled in the order of ``seq`` (nanoseconds)."""

    attempt: str  #: empty for a notice
    seq: int
    kind: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True, order=True)
class SpoolName:
    """The name of a file in the spool, taken apart, in the order of handling.

    Notices come last: what a wrapper said of its end is then known when its closed session is noticed.
    """

    is_notice: bool
    seq: int
    name: str
    attempt: str
    kind: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """None for a name that no signal has."""
        if name in NOTICES:
            return cls(True, 0, name, attempt="", kind=NOTICES[name])
        match = _NAME.fullmatch(name)
        if match is None or match["kind"] not in KINDS:
            return None
        return cls(False, int(match["seq"]), name, attempt=match["attempt"], kind=match["kind"])

    def signal(self, payload: bytes) -> Signal:
        return Signal(self.attempt, self.seq, self.kind, payload)


def read_payload(path: Path) -> bytes:
    """The first megabyte of a regular file; raises ``OSError`` for anything else that lies there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(MAX_PAYLOAD_BYTES)


def pending_attempts(spool_dir: Path) -> set[str]:
    """The attempts of which a signal lies in the spool that was not handled yet."""
    try:
        names = os.listdir(spool_dir)  # noqa: PTH208 - names alone are wanted
    except FileNotFoundError:
        return set()
    parsed = (SpoolName.parse(name) for name in names)
    return {name.attempt for name in parsed if name is not None and name.attempt}
