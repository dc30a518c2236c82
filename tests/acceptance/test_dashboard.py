"""The dashboard in a real terminal: tmux shows it, types into it, and makes it larger and smaller."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from aios_app.domain.models import JobState
from aios_app.stack.waiting import tries
from tests.acceptance.dashboard_screen import DashboardScreen, dashboard
from tests.acceptance.stack import DEADLINE_S, Stack

pytestmark = [pytest.mark.timeout(90), pytest.mark.long]


@pytest.fixture
def screen(stack: Stack) -> Iterator[DashboardScreen]:
    with dashboard(stack, stack.root / "home", size=(80, 24)) as opened:
        yield opened


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


def test_the_screen_says_what_the_ledger_says(stack: Stack, run: int, screen: DashboardScreen) -> None:
    shown = screen.sees("#1", "#2", "#3", "Go on with [red]it[/red]?")

    jobs = json.loads(stack.ok("jobs", "--json"))["jobs"]
    rows = [line.split() for line in shown.split("\n")[2:] if line.startswith(" #")]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        (f"#{job['number']}", job["state"], job["agent"], job["project"]) for job in jobs
    ]
    assert "\x1b[7m" in screen.shown("-e")


def test_it_fits_the_terminal_when_that_changes(stack: Stack, run: int, screen: DashboardScreen) -> None:
    screen.sees("Enter attach")

    for columns, rows in ((160, 45), (40, 10), (80, 24)):
        screen.resize(columns, rows)
        assert any(_is_beside(screen) is (columns >= 150) for _ in tries(DEADLINE_S))
        shown = screen.sees("#3")
        assert all(len(line) <= columns for line in shown.split("\n"))


def test_a_person_attaches_comes_back_types_a_command_and_leaves(
    stack: Stack, run: int, screen: DashboardScreen
) -> None:
    screen.sees("#1")
    screen.presses("j")
    screen.sees("── #1 shop demo")

    screen.presses("Enter")
    screen.sees("leave: C-b d", "demo>")
    screen.presses("C-b", "d")
    screen.sees("Enter attach")

    screen.presses("v")
    screen.sees("#1 shop demo", "[q]uit:")
    screen.presses("q", "Enter")
    screen.sees("Enter attach")

    screen.enters("tag shop web")
    screen.sees("tag shop web", "Enter: back to the dashboard")
    screen.presses("Enter")
    screen.sees("Enter runs it")
    screen.presses("Escape")
    screen.sees("Enter attach")
    assert json.loads(stack.ok("p", "--json"))["projects"][0]["tags"] == ["web"]

    screen.presses("q")
    screen.sees("left with 0")
    assert (stack.settings.data_dir / "dashboard.json").exists()


def test_the_terminal_of_steps_is_attached_to_here_after_its_address_was_read(
    stack: Stack, run: int, screen: DashboardScreen
) -> None:
    screen.sees("#1")
    screen.pastes("here: Type | cat\nrun here\nattach here\n")
    screen.sees("attach here", "Run these 3 lines")
    screen.presses("y")
    screen.sees("good once, within a minute", "q back")
    screen.presses("q")
    screen.sees("leave: C-b d", "1/1: Type")

    screen.presses("C-b", "d")
    screen.loses("leave: C-b d")
    stack.ok("stop", "here")


def test_ctrl_c_ends_the_program_in_front_and_not_the_dashboard(
    stack: Stack, run: int, screen: DashboardScreen
) -> None:
    screen.sees("#1")
    screen.enters("jobs --follow")
    screen.sees("jobs --follow", "#3 waiting")

    screen.presses("C-c")

    screen.sees("Enter: back to the dashboard")
    screen.presses("C-c")
    screen.sees("Enter runs it")


def test_it_outlives_the_service_and_says_so(stack: Stack, run: int, screen: DashboardScreen) -> None:
    screen.sees("#3")

    pid = json.loads(stack.ok("status", "--json"))["web"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert any(_web_pid(stack) not in {0, pid} for _ in tries(DEADLINE_S))
    number = stack.start("multi", "shop", "d:1", "after the kill\ndemo: seconds 0.1")

    screen.sees("after the kill")
    assert "down" not in screen.shown()
    stack.until_over(number)


def test_a_terminal_that_is_closed_leaves_no_process_and_the_time_is_noted(
    stack: Stack, run: int, screen: DashboardScreen
) -> None:
    (stack.settings.data_dir / "dashboard.json").unlink(missing_ok=True)
    screen.sees("#1")
    [process] = _dashboards(stack)

    screen.close()

    process.wait(DEADLINE_S)
    assert (stack.settings.data_dir / "dashboard.json").exists()


def test_a_terminal_that_takes_nothing_more_and_is_closed_leaves_no_process(stack: Stack, run: int) -> None:
    argv, environment = stack.command()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *argv], env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.read(ours, 1)
    for _ in tries(3):
        os.write(ours, b"?q")  # pages that nobody reads

    os.close(ours)

    process.wait(DEADLINE_S)


@pytest.mark.parametrize("depth", ["", "truecolor"])
def test_its_colours_are_those_of_the_terminal_light_or_dark(stack: Stack, run: int, depth: str) -> None:
    with dashboard(stack, stack.root / "home", COLORTERM=depth) as screen:
        screen.sees("#3", "Enter attach")
        screen.presses("s")
        screen.sees("Stop #3?")
        coded = screen.shown("-e")

    # Words have one of its sixteen colours, and stand on its own background.
    assert set(re.findall(r"\x1b\[[0-9;]*[34]8[;:]", coded)) == set()
    assert set(re.findall(r"\x1b\[(?:[0-9]+;)*(?:4[0-7]|10[0-7])m", coded)) == set()
    assert "\x1b[3" in coded.replace("\x1b[39m", "")


def test_without_colours_nothing_is_lost(stack: Stack, run: int) -> None:
    with dashboard(stack, stack.root / "home", NO_COLOR="1") as screen:
        screen.sees("#3", "Enter attach")
        coded = screen.shown("-e")
    assert "\x1b[3" not in coded.replace("\x1b[39m", "")
    assert "\x1b[7m" in coded


def _is_beside(screen: DashboardScreen) -> bool:
    """Whether the preview is beside the list."""
    return "──" in screen.shown().split("\n")[1]


def _dashboards(stack: Stack) -> list[psutil.Process]:
    """The processes of ``aios`` without words."""
    ours = stack.processes("AIOS_DATA_DIR", str(stack.settings.data_dir))
    return [process for process in ours if process.cmdline()[-1] == "aios_app.cli"]


def _web_pid(stack: Stack) -> int:
    answer = json.loads(stack.run("status", "--json").stdout)
    return int(answer.get("web", {}).get("pid", 0))
