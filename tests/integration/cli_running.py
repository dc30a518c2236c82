"""Running the command line as a person would: piped, or on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
_DEADLINE_S = 8.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a directory, with an environment."""

    directory: Path
    environment: dict[str, str]

    @contextmanager
    def starts(
        self, *words: str, stdin: int = subprocess.DEVNULL, **variables: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The command, running, its output in pipes; a test that fails leaves none behind."""
        with subprocess.Popen(
            [sys.executable, "-m", "aios_app.cli", *words],
            cwd=self.directory,
            env=self.environment | {"PYTHONPATH": str(CHECKOUT)} | variables,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def types(self, *words: str, given: bytes = b"", **variables: str) -> Outcome:
        """The command, to its end."""
        with self.starts(*words, stdin=subprocess.PIPE, **variables) as process:
            out, err = process.communicate(given, timeout=_DEADLINE_S)
        return Outcome(process.returncode, out.decode(), err.decode())

    def types_on_a_terminal(self, *words: str, answer: str = "", **variables: str) -> Outcome:
        """The same on a terminal of 80 columns; what it shows is in ``out``."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "aios_app.cli", *words],
            cwd=self.directory,
            env=self.environment | {"PYTHONPATH": str(CHECKOUT)} | variables,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        os.write(leader, answer.encode())
        shown = _read_all(leader)
        os.close(leader)
        return Outcome(process.wait(_DEADLINE_S), shown.decode().replace("\r\n", "\n"), "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command line."""

    code: int
    out: str
    err: str


def _read_all(descriptor: int) -> bytes:
    shown, deadline = b"", time.monotonic() + _DEADLINE_S
    while select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))[0]:
        try:
            shown += os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
    return shown
