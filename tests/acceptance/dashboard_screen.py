"""A person at the dashboard, in a tmux of their own."""

from __future__ import annotations

import itertools
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.stack.waiting import tries
from tests.acceptance.stack import DEADLINE_S, Stack

#: At the prompt, while no line is typed.
_AT_REST = ": to type a command"
_MARK = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
_PERSONS = itertools.count(1)


class DashboardScreen:
    """What the person sees and types."""

    def __init__(self, socket: Path, name: str) -> None:
        self._tmux = ["tmux", "-u", "-S", str(socket)]
        self._name = name

    def shown(self, *flags: str) -> str:
        return self._run("capture-pane", "-p", *flags, "-t", f"={self._name}:")

    def sees(self, *texts: str) -> str:
        """The screen, once all that is on it."""
        for _ in tries(DEADLINE_S):
            if all(text in (screen := self.shown()) for text in texts):
                return screen
        pytest.fail(f"{texts} were never shown:\n{self.shown()}")

    def loses(self, text: str) -> None:
        """Returns when that is on the screen no more."""
        for _ in tries(DEADLINE_S):
            if text not in self.shown():
                return
        pytest.fail(f"{text!r} never went:\n{self.shown()}")

    def enters(self, *lines: str) -> None:
        """Enters lines at the prompt, one after another, which stays open."""
        self.sees(_MARK)
        if _AT_REST in self.shown():
            self.presses(":")
        self.loses(_AT_REST)
        for line in lines:
            self.presses("-l", line)
            self.presses("Enter")

    def pastes(self, text: str) -> None:
        """Pastes a text as a terminal does."""
        subprocess.run([*self._tmux, "load-buffer", "-"], input=text, text=True, check=True)
        self._run("paste-buffer", "-p", "-t", f"={self._name}:")

    def presses(self, *keys: str) -> None:
        """Presses keys, as tmux names them."""
        self._run("send-keys", "-t", f"={self._name}:", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-t", f"={self._name}:", "-x", str(columns), "-y", str(rows))

    def close(self) -> None:
        """Closes the window under the dashboard."""
        self._run("kill-server")

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def dashboard(
    stack: Stack, cwd: Path, *, size: tuple[int, int] = (100, 30), **variables: str
) -> Iterator[DashboardScreen]:
    """A dashboard that was opened there with ``aios`` and no words; its end stays to be read."""
    argv, environment = stack.command()
    socket = stack.root / f"person-{next(_PERSONS)}.sock"  # one that has just ended is in the way of the next
    words = ["env", "-i", *(f"{name}={value}" for name, value in (environment | variables).items()), *argv]
    start = ["tmux", "-u", "-S", str(socket), "-f", "/dev/null", "new-session", "-d", "-s", "person"]
    place = ["-x", str(size[0]), "-y", str(size[1]), "-c", str(cwd)]
    line = f"{shlex.join(words)}; echo left with $?; exec cat"
    subprocess.run([*start, *place, line], check=True)
    screen = DashboardScreen(socket, "person")
    try:
        yield screen
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, capture_output=True)
