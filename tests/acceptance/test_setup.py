"""The project's ``setup`` command in a fresh worktree."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project, and an agent that says whether the setup command was there before it."""
    line = "test -f made && echo it is made; echo $AIOS_JOB-$AIOS_PORT"
    stack.ok("agents", "add", "z", "probe", "--", "sh", "-c", line)
    return stack.project("shop")


def test_the_setup_command_has_ended_before_the_agent_starts(stack: Stack, shop: Path) -> None:
    stack.ok("config", "shop.setup", 'echo "setting up $AIOS_JOB"; sleep 0.3; touch made')

    [job] = stack.until_over(stack.start("multi", "shop", "z:1", "x"))

    assert (job.state, job.cause) == (JobState.REVIEW, "")
    log = stack.ok("logs", str(job.number))
    assert log.splitlines() == [f"setting up {job.number}", "it is made", f"{job.number}-{job.port}"]
    saved = stack.settings.jobs_dir / str(job.number) / job.attempt / "setup.log"
    assert saved.read_text() == f"setting up {job.number}\n"


def test_a_setup_command_that_fails_is_the_cause_and_its_log_is_shown(stack: Stack, shop: Path) -> None:
    stack.ok("config", "shop.setup", "echo no such package >&2; exit 3")

    [job] = stack.until_over(stack.start("multi", "shop", "z:1", "x"))

    assert (job.state, job.cause) == (JobState.FAILED, f"setup exited 3 (aios logs {job.number})")
    assert stack.ok("logs", str(job.number)) == "no such package\n"
    # Nothing half made is left, and a further attempt makes it anew.
    assert not Path(job.worktree).exists()
    assert job.branch not in stack.git(shop, "branch", "--list", "aios/*")
    stack.ok("config", "shop.setup", "true")
    stack.ok("retry", str(job.number))
    [again] = stack.until_over(job.run)
    assert (again.state, Path(job.worktree).is_dir()) == (JobState.REVIEW, True)


def test_a_setup_command_that_hangs_fails_after_its_limit_and_others_go_on(stack: Stack, shop: Path) -> None:
    stack.project("blog")
    stack.ok("config", "shop.setup", "echo waiting; sleep 60")
    stack.ok("config", "launch_limit", "2s")
    stack.ok("config", "setup_limit", "1s")

    done = stack.run("all", "z:1", "x", "--wait")

    shop_job, blog_job = stack.jobs(stack.ledger.run_numbers()[0])
    assert done.returncode == 1
    assert (shop_job.state, blog_job.state) == (JobState.FAILED, JobState.REVIEW)
    assert shop_job.cause == f"setup took longer than 1s (aios logs {shop_job.number})"
    assert shop_job.cause in done.stdout
    assert stack.ok("logs", str(shop_job.number)) == "waiting\n"
    assert psutil.wait_procs(stack.processes("AIOS_ATTEMPT", shop_job.attempt), timeout=8)[1] == []
