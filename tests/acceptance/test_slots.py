"""``max_agents``: how many agent processes there are at once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)

MOST = 4


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project, and room for four agents."""
    stack.ok("config", "max_agents", str(MOST))
    return stack.project("shop")


def test_thirty_jobs_come_to_review_with_never_more_than_four_agents_at_once(
    stack: Stack, shop: Path
) -> None:
    counts: list[int] = []
    run = stack.start("multi", "shop", "d:30", QUICK, "-y")

    def all_in_review(jobs: Sequence[Job]) -> bool:
        counts.append(len(agents(stack)))
        return all(job.state is JobState.REVIEW for job in jobs)

    jobs = stack.until(run, all_in_review)

    assert len(jobs) == 30
    assert max(counts) == MOST
    assert all(job.files == 1 for job in stack.until(run, all_measured))


def test_a_closed_agent_is_attached_again_with_its_conversation_and_stays_in_review(
    stack: Stack, shop: Path
) -> None:
    run = stack.start("multi", "shop", "d:6", QUICK)
    jobs = stack.until_all(run, JobState.REVIEW)
    closed = next(job for job in jobs if not job.is_open)

    with stack.terminal("attach", str(closed.number)) as terminal:
        seen = terminal.read_until("demo> ")
        [attached] = stack.sessions([closed])
        job = stack.job(closed.number)

    assert f"conversation {closed.conversation}" in seen
    assert "going on where we stopped" in seen
    assert attached.attached == 1
    assert (job.state, job.is_open, job.conversation) == (JobState.REVIEW, True, closed.conversation)
    assert job.finished_ms == closed.finished_ms
    assert len(agents(stack)) <= MOST


def test_what_a_person_typed_into_a_job_that_was_brought_back_is_a_further_turn(
    stack: Stack, shop: Path
) -> None:
    run = stack.start("multi", "shop", "d:5", QUICK)
    closed = next(job for job in stack.until_all(run, JobState.REVIEW) if not job.is_open)

    with stack.terminal("attach", str(closed.number)) as terminal:
        terminal.read_until("demo> ")
        terminal.type("and goodbye\r")
        terminal.read_until("[1/4]")
        stack.until(run, lambda _: stack.job(closed.number).turns == 2)

    assert stack.job(closed.number).state is JobState.REVIEW
    assert "and goodbye" in stack.job(closed.number).message


def test_an_agent_that_a_person_has_open_is_not_closed_for_its_slot(stack: Stack, shop: Path) -> None:
    [mine] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)

    with stack.terminal("attach", str(mine.number)) as terminal:
        terminal.read_until("demo> ")
        stack.until_all(stack.start("multi", "shop", "d:8", QUICK), JobState.REVIEW)
        kept = stack.sessions([mine])

    assert [session.attached for session in kept] == [1]


def test_a_job_says_why_it_waits(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "d:6", "demo: seconds 30")
    stack.until(run, lambda jobs: [job.state for job in jobs].count(JobState.RUNNING) == MOST)

    waiting = [job for job in stack.jobs(run) if job.state is JobState.QUEUED]

    assert [job.reason for job in waiting] == ["for a free slot"] * 2
    assert "for a free slot" in stack.ok("jobs", f"r{run}")
    stack.ok("stop", f"r{run}")
    assert {job.state for job in stack.until_over(run)} == {JobState.STOPPED}


def all_measured(jobs: Sequence[Job]) -> bool:
    return all(job.measured_ms for job in jobs)


def agents(stack: Stack) -> list[psutil.Process]:
    """The processes of the stand-in agent itself, without its wrapper and what it starts."""
    found: dict[int, psutil.Process] = {}
    parents: dict[int, int] = {}
    for process in stack.processes("AIOS_SPOOL", str(stack.settings.spool_dir)):
        with contextlib.suppress(psutil.Error):
            program, *words = process.cmdline() or [""]
            if program == sys.executable and any(word.endswith("demo_program.py") for word in words):
                parents[process.pid] = process.ppid()
                found[process.pid] = process
    # what it is just about to start still looks like itself
    return [process for pid, process in found.items() if parents[pid] not in found]
