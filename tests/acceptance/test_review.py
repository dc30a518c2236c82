"""A person's way through what is in review, on a terminal."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.acceptance.stack import QUICK, Stack, Terminal

pytestmark = pytest.mark.timeout(60)

_KEYS = "[q]uit:"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def in_review(stack: Stack, *, count: int = 1) -> list[Job]:
    """Jobs whose turn and check are over, in the order of a review: those first that came into it first."""
    run = stack.start("multi", "shop", f"d:{count}", QUICK)
    stack.ok("wait", f"r{run}")
    return sorted(stack.jobs(run), key=lambda job: (job.since_ms, job.number))


def asks_about(terminal: Terminal, number: int) -> str:
    """What is shown until the person is asked about this job."""
    terminal.read_until(f"#{number} [l]and")
    shown = terminal.read_until(_KEYS)
    terminal.seen = ""
    return shown


def test_a_review_shows_a_job_and_lands_it_while_the_next_is_looked_at(stack: Stack, shop: Path) -> None:
    stack.ok("config", "shop.check", "echo all is; echo red; exit 3")
    first, second = in_review(stack, count=2)
    stack.ok("config", "shop.check", "")

    with stack.terminal("review", f"r{first.run}") as terminal:
        shown = asks_about(terminal, first.number)
        terminal.type("l Greet them\n")
        asks_about(terminal, second.number)
        terminal.type("s\n")
        end = terminal.read_until(f"#{first.number} landed on main of shop")
        assert terminal.process.wait(10) == 0

    assert f"#{first.number} shop demo   2 left" in shown
    assert "1 file +1 -0  1 commit" in shown
    assert "check echo all is; echo red; exit 3 red 0." in shown
    assert "asked: say hello" in shown
    assert f"says:  added greeting-{first.number}.md" in shown
    assert "  red\r\n" in shown
    assert "  aios: exited 3\r\n" in shown
    assert "+Hello! You asked: say hello" in shown
    assert "that was all" in end
    assert stack.job(first.number).state is JobState.LANDED
    assert stack.git(shop, "log", "-1", "--format=%s", "origin/main") == "Greet them"
    assert stack.job(second.number).state is JobState.REVIEW


def test_what_was_put_off_comes_last_the_next_time(stack: Stack, shop: Path) -> None:
    first, second = in_review(stack, count=2)

    with stack.terminal("review", f"r{first.run}") as terminal:
        asks_about(terminal, first.number)
        terminal.type("s\n")
        asks_about(terminal, second.number)
        terminal.type("q\n")
        terminal.read_until("left for the next time: 1")
        assert terminal.process.wait(10) == 0

    with stack.terminal("review", f"r{first.run}") as terminal:
        asks_about(terminal, second.number)


def test_a_reply_is_a_further_turn_after_which_the_job_comes_again(stack: Stack, shop: Path) -> None:
    first, second = in_review(stack, count=2)

    with stack.terminal("review", f"r{first.run}") as terminal:
        asks_about(terminal, first.number)
        terminal.type("r\n")
        terminal.read_until(f"to #{first.number}:")
        terminal.type("demo: seconds 0.1\n")
        asks_about(terminal, second.number)
        stack.ok("wait", str(first.number))
        terminal.type("s\n")
        asks_about(terminal, first.number)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(10) == 130

    assert stack.job(first.number).turns == 2


def test_a_job_that_is_dropped_is_named_and_asked_for_first(stack: Stack, shop: Path) -> None:
    [job] = in_review(stack)

    with stack.terminal("review", f"r{job.run}") as terminal:
        asks_about(terminal, job.number)
        terminal.type("d\n")
        terminal.read_until("[Y/n]")
        terminal.type("n\n")
        asks_about(terminal, job.number)
        terminal.type("d\n")
        terminal.read_until("[Y/n]")
        terminal.type("y\n")
        terminal.read_until("that was all")

    assert stack.job(job.number).state is JobState.DROPPED


def test_a_job_that_comes_into_review_meanwhile_is_added(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "d:2", "hello\ndemo: seconds 0.2\ndemo: ask on?")
    first, second = stack.until_all(run, JobState.WAITING)
    stack.type(first, "yes")
    stack.ok("wait", str(first.number))

    with stack.terminal("review", f"r{run}") as terminal:
        asks_about(terminal, first.number)
        stack.type(second, "yes")
        stack.ok("wait", str(second.number))
        terminal.type("s\n")
        asks_about(terminal, second.number)
        terminal.type("what\n")
        terminal.read_until("type one of these letters")


def test_attaching_comes_back_to_the_same_job(stack: Stack, shop: Path) -> None:
    [job] = in_review(stack)

    with stack.terminal("review", f"r{job.run}") as terminal:
        asks_about(terminal, job.number)
        terminal.type("a\n")
        assert any(stack.sessions([job])[0].attached == 1 for _ in tries(10))
        terminal.type("\x02d")
        asks_about(terminal, job.number)


def test_without_a_terminal_a_review_says_what_to_use(stack: Stack, shop: Path) -> None:
    done = stack.run("review")

    assert (done.returncode, done.stdout) == (3, "")
    assert "aios diff JOB, aios land JOB" in done.stderr
    assert '"jobs": [' in stack.ok("review", "--json")
    assert stack.run("review", "shop").returncode == 2
