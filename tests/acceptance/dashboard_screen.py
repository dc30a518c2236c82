"""A person at the dashboard, in a tmux of their own."""

from __future__ import annotations

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


class DashboardScreen:
    """What the person sees and types."""

    def __init__(self, socket: Path, name: str) -> None:
        self._tmux = ["tmux", "-u", "-S", str(socket)]
        self._name = name

    def shown(self) -> str:
        return self._run("capture-pane", "-p", "-t", f"={self._name}:")

    def sees(self, text: str) -> str:
        """The screen, once that is on it."""
        for _ in tries(DEADLINE_S):
            if text in (screen := self.shown()):
                return screen
        pytest.fail(f"{text!r} was never shown:\n{self.shown()}")

    def loses(self, text: str) -> None:
        """Returns when that is on the screen no more."""
        for _ in tries(DEADLINE_S):
            if text not in self.shown():
                return
        pytest.fail(f"{text!r} never went:\n{self.shown()}")

    def enters(self, *lines: str) -> None:
        """Enters lines at the prompt, one after another."""
        for line in lines:
            self.sees(_AT_REST)
            self._keys(":")
            self.loses(_AT_REST)
            self._keys("-l", line)
            self._keys("Enter")

    def _keys(self, *words: str) -> None:
        self._run("send-keys", "-t", f"={self._name}:", *words)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def dashboard(stack: Stack, cwd: Path) -> Iterator[DashboardScreen]:
    """A dashboard that was opened there with ``aios`` and no words."""
    argv, environment = stack.command()
    socket = stack.root / "person.sock"
    words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv]
    start = ["tmux", "-u", "-S", str(socket), "-f", "/dev/null", "new-session", "-d", "-s", "person"]
    subprocess.run([*start, "-x", "100", "-y", "30", "-c", str(cwd), shlex.join(words)], check=True)
    screen = DashboardScreen(socket, "person")
    try:
        yield screen
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, capture_output=True)
