"""What the dashboard keeps from one time to the next: the lines that were typed, and when the person left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from aios_app.cli.client import Json

#: Lines of the prompt that are kept.
MAX_LINES = 1000
_DAY_MS = 86_400_000
#: What a person wants to know, in this order.
_NEWS = {"review": "to review", "waiting": "for you", "failed": "failed", "lost": "lost"}


class History:
    """The lines that were typed at the prompt, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines = _read_lines(path)
        if len(self.lines) > MAX_LINES:
            self.lines = self.lines[-MAX_LINES:]
            _write(path, "".join(f"{line}\n" for line in self.lines))

    def add(self, line: str) -> None:
        """Keeps the line, unless it is the last one again."""
        if not line.strip() or self.lines[-1:] == [line]:
            return
        self.lines.append(line)
        with suppress(OSError), _private(self._path, os.O_APPEND) as stream:
            stream.write(f"{line}\n".encode("utf-8", "surrogateescape"))


def read_left_ms(path: Path) -> int:
    """When the person left the last time, by the ledger's clock; 0 where that is not known."""
    try:
        return int(json.loads(path.read_bytes())["left_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def write_left_ms(path: Path, now_ms: int) -> None:
    """Notes that the person leaves. Where nothing can be written, nothing is."""
    _write(path, json.dumps({"left_ms": now_ms}))


def news_since(left_ms: int, jobs: Iterable[Json], now_ms: int) -> str:
    """``since 23:10: 31 to review, 4 wait for you, 3 failed``; empty where nothing has happened."""
    states = [job["state"] for job in jobs if job["since_ms"] > left_ms]
    counts = {state: states.count(state) for state in _NEWS if state in states}
    if not left_ms or not counts:
        return ""
    said = [_words(state, count) for state, count in counts.items()]
    return f"since {_clock(left_ms, now_ms)}: {', '.join(said)}"


def _words(state: str, count: int) -> str:
    verb = ("waits " if count == 1 else "wait ") if state == "waiting" else ""
    return f"{count} {verb}{_NEWS[state]}"


def _clock(at_ms: int, now_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000).astimezone()
    return f"{at:%H:%M}" if now_ms - at_ms < _DAY_MS else f"{at:%d %b %H:%M}"


def _read_lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return [line for line in text.split("\n") if line]


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        with _private(beside, os.O_TRUNC) as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
        beside.replace(path)


def _private(path: Path, how: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), "wb")
