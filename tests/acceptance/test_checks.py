"""Checks of finished work, and candidates side by side."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.processes import Record
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)

#: Red for the second job of a run.
_BY_JOB = 'echo "checking $AIOS_JOB"; test "$((AIOS_JOB % 2))" = 1'


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def checked_by(stack: Stack, command: str) -> None:
    """Every finished turn in the project is checked so."""
    stack.ok("config", "shop.check", command)


def until(stack: Stack, number: int, check: Callable[[Job], bool]) -> Job:
    """Waits, from event to event, until the job is as wanted."""
    stack.await_event(lambda: check(stack.job(number)), lambda: str(stack.job(number)))
    return stack.job(number)


def test_wait_says_what_the_check_said_and_logs_shows_it(stack: Stack, shop: Path) -> None:
    checked_by(stack, "ls greeting-*.md && sleep 0.3")
    [job] = stack.jobs(stack.start("multi", "shop", "d:1", QUICK))

    said = stack.ok("wait", str(job.number))

    name = f"greeting-{job.number}.md"
    assert "1 file +1 -0  check ls greeting-*.md && sleep 0.3 ok 0." in said
    assert said.endswith(f"next: aios diff {job.number}, aios land {job.number}\n")
    assert stack.ok("logs", str(job.number), "--check") == f"{name}\n"
    assert "+1 -0 ok" in stack.ok("jobs", f"r{job.run}")


def test_candidates_are_shown_best_first(stack: Stack, shop: Path) -> None:
    checked_by(stack, _BY_JOB)
    run = stack.start("multi", "shop", "d:2", QUICK)
    lazy = stack.start("multi", "shop", "d:1", "look\ndemo: seconds 0.1\ndemo: no change")
    stack.ok("wait", f"r{run}", f"r{lazy}")
    odd, even = sorted(stack.jobs(run), key=lambda job: job.number % 2 == 0)
    [nothing] = stack.jobs(lazy)

    words = [f"r{run}", str(nothing.number)]
    shown = stack.ok("compare", *words)
    answer = json.loads(stack.ok("compare", *words, "--json"))

    [group] = answer["groups"]
    order = [candidate["number"] for candidate in group["candidates"]]
    assert order == [odd.number, even.number, nothing.number]
    assert [candidate["commits"] for candidate in group["candidates"]] == [1, 1, 0]
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert f"#{odd.number}" in shown.splitlines()[2]
    assert "red" in shown.splitlines()[4]
    assert shown.endswith(f"next: aios diff {odd.number}   aios pick {odd.number}\n")
    assert (
        stack.run("logs", str(even.number), "--check").stdout == f"checking {even.number}\n\naios: exited 1\n"
    )


def test_a_candidate_that_would_conflict_with_its_base_says_where(stack: Stack, shop: Path) -> None:
    checked_by(stack, "")
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)
    name = f"greeting-{job.number}.md"
    (shop / name).write_text("somebody else's\n")
    stack.git(shop, "add", name)
    stack.git(shop, "commit", "-q", "-m", "the same file")
    stack.git(shop, "push", "-q")
    (Path(job.worktree) / "untracked").write_text("x\n")

    shown = stack.ok("compare", str(job.number))

    assert f"     would conflict with its base in {name}\n" in shown


@pytest.mark.long
def test_a_check_survives_its_worker_and_a_further_turn_ends_it(stack: Stack, shop: Path) -> None:
    checked_by(stack, "touch $HOME/begun-$$; while [ ! -f $HOME/go ]; do sleep 0.05; done")
    [job] = stack.jobs(stack.start("multi", "shop", "d:1", QUICK))
    until(stack, job.number, lambda job: job.check == "running")
    await_file(stack.root / "home", "begun-*", 1)

    os.kill(worker_pid(stack), signal.SIGKILL)
    await_file(stack.root / "home", "begun-*", 2)
    assert len(orphans(stack, job.number)) == 1

    stack.ok("send", str(job.number), "more\ndemo: seconds 0.2")
    until(stack, job.number, lambda job: job.turns == 2 and job.check == "running")
    (stack.root / "home" / "go").touch()
    until(stack, job.number, lambda job: job.check == "passed")
    assert orphans(stack, job.number) == []


@pytest.mark.long
def test_a_stack_that_stops_ends_checks_and_begins_them_again(stack: Stack, shop: Path) -> None:
    home = stack.root / "home"
    checked_by(stack, "")
    [landing] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)
    checked_by(stack, "touch $HOME/started-$$; while [ ! -f $HOME/proceed ]; do sleep 0.05; done")
    [checked] = stack.jobs(stack.start("multi", "shop", "d:1", QUICK))
    with stack.open("land", str(landing.number)) as command:
        await_file(home, "started-*", 2)
        command.send_signal(signal.SIGINT)
        command.communicate()

    stack.ok("down")
    assert orphans(stack, checked.number) == orphans(stack, landing.number) == []
    (home / "proceed").touch()
    stack.ok("up")

    until(stack, checked.number, lambda job: job.check == "passed")
    until(stack, landing.number, lambda job: job.state is JobState.LANDED)
    assert len(list(home.glob("started-*"))) == 4


def await_file(directory: Path, pattern: str, count: int) -> None:
    """Until so many files are there."""
    from aios_app.stack.waiting import tries

    assert any(len(list(directory.glob(pattern))) >= count for _ in tries(20))


def worker_pid(stack: Stack) -> int:
    """The worker's process."""
    record = Record.read(stack.settings.run_dir, "worker")
    assert record is not None
    return record.process.pid


def orphans(stack: Stack, number: int) -> list[Any]:
    """The first processes of checks of this job."""
    found = []
    for process in stack.processes("AIOS_JOB", str(number)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [process] if "aios-command" in process.cmdline() else []
    return found
