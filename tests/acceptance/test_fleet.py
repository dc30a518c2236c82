"""Many agents at once, in many projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


def test_two_agents_in_each_of_ten_projects_are_20_living_sessions_also_twice_in_the_same_second(
    stack: Stack,
) -> None:
    stack.projects("ten", 10)

    started = [stack.open("all", "d:2", QUICK, "--only", "ten-*") for _ in range(2)]
    answers = [process.communicate(timeout=50) for process in started]

    assert [process.returncode for process in started] == [0, 0], answers
    jobs = [job for run in (1, 2) for job in stack.until_all(run, JobState.REVIEW)]
    assert len({job.created_ms // 1000 for job in jobs}) <= 2
    assert len({job.number for job in jobs}) == 40
    assert len({job.name for job in jobs}) == 40
    assert len({session.name for session in stack.sessions(jobs)}) == 40
    assert len({job.worktree for job in jobs}) == 40
    for job in jobs:
        assert stack.git(Path(job.worktree), "branch", "--show-current") == job.branch
