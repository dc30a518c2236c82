"""The dashboard in a real terminal: tmux shows it, types into it, and makes it larger and smaller."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import DEADLINE_S, Stack

pytestmark = [pytest.mark.timeout(90), pytest.mark.long]


class Screen:
    """A person's own tmux with one window, in which the dashboard runs."""

    def __init__(self, stack: Stack, directory: Path, *, environment: tuple[str, ...] = ()) -> None:
        self._socket = directory / "screen.sock"
        argv, variables = stack.command()
        words = [f"{name}={value}" for name, value in variables.items() if name != "TERM"]
        line = shlex.join(["env", "-i", *words, "TERM=tmux-256color", *environment, *argv])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x80", "-y24", f"{line}; echo left with $?; cat")

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def text(self, *flags: str) -> str:
        return self.tmux("capture-pane", "-p", *flags)

    def sees(self, *texts: str) -> str:
        """Waits until the screen shows all of these, and gives it."""
        deadline = time.monotonic() + DEADLINE_S
        while not all(text in (shown := self.text()) for text in texts):
            assert time.monotonic() < deadline, f"{texts} never came:\n{shown}"
            time.sleep(0.05)  # a screen tells nobody that it changes
        return shown

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture
def screen(stack: Stack, short_path: Path) -> Iterator[Screen]:
    opened = Screen(stack, short_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def run(stack: Stack) -> int:
    """Two jobs in review and one that asks."""
    stack.project("shop")
    number = stack.start("multi", "shop", "d:2", "add a greeting\ndemo: seconds 0.1")
    stack.until_all(number, JobState.REVIEW)
    asking = stack.start(
        "multi", "shop", "d:1", "ask me\ndemo: seconds 0.1\ndemo: ask Go on with [red]it[/red]?"
    )
    stack.until_all(asking, JobState.WAITING)
    return number


def test_the_screen_says_what_the_ledger_says(stack: Stack, run: int, screen: Screen) -> None:
    shown = screen.sees("#1", "#2", "#3", "Go on with [red]it[/red]?")

    jobs = json.loads(stack.ok("jobs", "--json"))["jobs"]
    rows = [line.split() for line in shown.split("\n")[2:] if line.startswith(" #")]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        (f"#{job['number']}", job["state"], job["agent"], job["project"]) for job in jobs
    ]
    assert "\x1b[7m" in screen.text("-e")


def test_it_fits_the_terminal_when_that_changes(stack: Stack, run: int, screen: Screen) -> None:
    screen.sees("Enter attach")

    for columns, rows in ((160, 45), (40, 10), (80, 24)):
        screen.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        shown = screen.sees("? keys" if columns > 40 else "Enter attach", "#3")
        deadline = time.monotonic() + DEADLINE_S
        while (beside := "──" in screen.text().split("\n")[1]) is not (columns >= 150):
            assert time.monotonic() < deadline, f"{beside} at {columns}:\n{shown}"
            time.sleep(0.05)


def test_a_person_attaches_comes_back_types_a_command_and_leaves(
    stack: Stack, run: int, screen: Screen
) -> None:
    screen.sees("#1")
    screen.type("j")
    screen.sees("── #1 shop demo")

    screen.type("Enter")
    screen.sees("leave: C-b d", "demo>")
    screen.tmux("send-keys", "C-b", "d")
    screen.sees("Enter attach")

    screen.type(":")
    screen.type("-l", "tag shop web")
    screen.type("Enter")
    screen.sees("tag shop web", "Enter: back to the dashboard")
    screen.type("Enter")
    screen.sees("Enter attach")
    assert json.loads(stack.ok("p", "--json"))["projects"][0]["tags"] == ["web"]

    screen.type("q")
    screen.sees("left with 0")
    assert (stack.settings.data_dir / "dashboard.json").exists()


def test_ctrl_c_ends_the_program_in_front_and_not_the_dashboard(
    stack: Stack, run: int, screen: Screen
) -> None:
    screen.sees("#1")
    screen.type(":")
    screen.type("-l", "jobs --follow")
    screen.type("Enter")
    screen.sees("jobs --follow", "#3 waiting")

    screen.type("C-c")

    screen.sees("Enter: back to the dashboard")
    screen.type("C-c")
    screen.sees("Enter attach")


def test_it_outlives_the_service_and_says_so(stack: Stack, run: int, screen: Screen) -> None:
    screen.sees("#3")

    pid = json.loads(stack.ok("status", "--json"))["web"]["pid"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_S
    while stack.run("status", "--json").returncode or _web_pid(stack) == pid:
        assert time.monotonic() < deadline
    number = stack.start("multi", "shop", "d:1", "after the kill\ndemo: seconds 0.1")

    screen.sees("after the kill")
    assert "down" not in screen.text()
    stack.until_over(number)


def test_a_terminal_that_is_closed_leaves_no_process_and_the_time_is_noted(
    stack: Stack, run: int, short_path: Path
) -> None:
    (stack.settings.data_dir / "dashboard.json").unlink(missing_ok=True)
    screen = Screen(stack, short_path)
    screen.sees("#1")
    [dashboard] = _dashboards(stack)

    screen.close()

    dashboard.wait(DEADLINE_S)
    assert (stack.settings.data_dir / "dashboard.json").exists()


def test_without_colours_nothing_is_lost(stack: Stack, run: int, short_path: Path) -> None:
    screen = Screen(stack, short_path, environment=("NO_COLOR=1",))
    try:
        screen.sees("#3", "Enter attach")
        assert "\x1b[3" not in screen.text("-e").replace("\x1b[39m", "")
        assert "\x1b[7m" in screen.text("-e")
    finally:
        screen.close()


def _dashboards(stack: Stack) -> list[psutil.Process]:
    """The processes of ``aios`` without words."""
    ours = stack.processes("AIOS_DATA_DIR", str(stack.settings.data_dir))
    return [process for process in ours if process.cmdline()[-1] == "aios_app.cli"]


def _web_pid(stack: Stack) -> int:
    answer = json.loads(stack.run("status", "--json").stdout)
    return int(answer.get("web", {}).get("pid", 0))
