"""``--seq``: one project, or one agent, after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)

FAILING = "say hello\ndemo: seconds 0.1\ndemo: exit 7"


@pytest.fixture(scope="module")
def three(stack: Stack) -> list[Path]:
    """Three saved projects."""
    return stack.projects("seq", 3)


def test_no_agent_of_a_project_starts_before_all_of_the_one_before_have_finished(
    stack: Stack, three: list[Path]
) -> None:
    run = stack.start("all", "d:2", "--seq", QUICK)

    jobs = stack.until_all(run, JobState.REVIEW)

    assert [job.stage for job in jobs] == [0, 0, 1, 1, 2, 2]
    assert_in_turn(jobs)


def test_a_failing_agent_does_not_stop_the_sequence(stack: Stack, three: list[Path]) -> None:
    run = stack.start("all", "d:2", "--seq", FAILING)

    jobs = stack.until_all(run, JobState.FAILED)

    assert {job.cause for job in jobs} == {"exited 7"}
    assert_in_turn(jobs)


def test_with_fail_fast_the_rest_never_starts(stack: Stack, three: list[Path]) -> None:
    run = stack.start("all", "d:2", "--seq", "--fail-fast", FAILING)

    jobs = stack.until_over(run)

    assert [job.state for job in jobs[:2]] == [JobState.FAILED, JobState.FAILED]
    assert {job.state for job in jobs[2:]} == {JobState.STOPPED}
    assert all(job.cause.startswith("not started") and not job.started_ms for job in jobs[2:])
    assert "not started" in stack.ok("jobs", f"r{run}")


def test_multi_in_sequence_starts_one_agent_after_another(stack: Stack, three: list[Path]) -> None:
    run = stack.start("multi", "d:3", "--seq", QUICK, cwd=three[0])

    jobs = stack.until_all(run, JobState.REVIEW)

    assert [job.stage for job in jobs] == [0, 1, 2]
    assert_in_turn(jobs)


def test_a_waiting_agent_holds_the_sequence_until_it_is_answered(stack: Stack, three: list[Path]) -> None:
    run = stack.start("multi", "d:2", "--seq", "demo: seconds 0.1\ndemo: ask Proceed?", cwd=three[0])

    first, second = stack.until(run, lambda jobs: jobs[0].state is JobState.WAITING)
    assert (first.question, second.state) == ("Proceed?", JobState.QUEUED)
    assert second.reason == f"after {first.agent} 1"

    stack.type(first, "y")
    first, second = stack.until(run, lambda jobs: jobs[1].state is JobState.WAITING)
    assert first.state is JobState.REVIEW
    stack.ok("stop", f"r{run}")


def test_a_waiting_agent_holds_the_sequence_no_longer_than_skip_waiting(
    stack: Stack, three: list[Path]
) -> None:
    run = stack.start(
        *("multi", "d:2", "--seq", "--skip-waiting", "1s", "demo: seconds 0.1\ndemo: ask Proceed?"),
        cwd=three[0],
    )

    first, second = stack.until(run, lambda jobs: jobs[1].state is JobState.WAITING)

    assert first.state is JobState.WAITING
    assert second.started_ms - first.since_ms >= 1000
    stack.ok("stop", f"r{run}")


@pytest.mark.parametrize("words", [("h:1", "--seq"), ("d:1", "t:1", "--seq", "say hello")])
def test_an_agent_that_never_finishes_is_no_part_of_a_sequence(
    stack: Stack, three: list[Path], words: tuple[str, ...]
) -> None:
    refused = stack.run("all", *words)

    assert refused.returncode == 2
    assert "never finishes" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def assert_in_turn(jobs: Sequence[Job]) -> None:
    """No job began before all of the stage before had finished."""
    stages = [[job for job in jobs if job.stage == index] for index in range(jobs[-1].stage + 1)]
    for before, after in pairwise(stages):
        assert max(job.finished_ms for job in before) <= min(job.started_ms for job in after)
