"""Work that lands: with all that may stand in its way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project with a remote."""
    return stack.project("shop")


def reviewed(stack: Stack, project: str, count: int = 1, prompt: str = QUICK) -> list[Job]:
    """Jobs whose agents have committed a greeting each, and are open at their prompts."""
    return stack.until_all(stack.start("multi", project, f"d:{count}", prompt), JobState.REVIEW)


def remote(stack: Stack, name: str, *words: str) -> str:
    """What git says in the project's remote."""
    return stack.git(stack.root / "remotes" / f"{name}.git", *words)


def test_a_job_lands_and_each_step_is_said(stack: Stack, shop: Path) -> None:
    [job] = reviewed(stack, "shop")
    Path(job.worktree, "more.txt").write_text("not committed by its agent\n")

    done = stack.run("land", str(job.number))

    assert done.returncode == 0, done.stderr
    now = stack.job(job.number)
    assert now.state is JobState.LANDED
    assert remote(stack, "shop", "show", "main:more.txt") == "not committed by its agent"
