"""Landings on real repositories, without a worker: the test does the worker's part."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError
from aios_app.domain.landing import Landing, Outcome
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.land_job import begin_landing, land_job
from aios_app.services.request_landing import LandingRequest, request_landings
from tests.integration.service_fixtures import attempt_of, claimed, started

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(autouse=True)
def _person(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The services run git in this process's environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shop(make_project: Callable[[str], Path], context: Context) -> Path:
    """A saved project with a remote."""
    path = make_project("shop")
    context.catalog.add_project(path)
    return path


def git(cwd: Path | str, *words: str) -> str:
    """What git says there."""
    done = subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def worked(ctx: Context, shop: Path, *files: str, count: int = 1) -> list[Job]:
    """Jobs whose agents wrote and committed these files, each its own text, and have ended."""
    jobs = started(ctx, "shop", f"h:{count}", "fix the login", cwd=shop)
    for job in claimed(ctx):
        create_worktree(ctx, job.attempt)
        for file in files:
            Path(job.worktree, file).write_text(f"by {job.number}\n")
        if files:
            git(job.worktree, "add", "-A")
            git(job.worktree, "commit", "-q", "-m", f"work of {job.number}")
        ctx.ledger.move(
            job.attempt, {JobState.PREPARING}, JobState.REVIEW, ends=True, finishes=True, message="Fixed."
        )
    return ctx.ledger.jobs(job.number for job in jobs)


def land(ctx: Context, job: Job, **flags: object) -> Landing:
    """Asks for the landing and runs it to its end."""
    request_landings(ctx, LandingRequest(refs=[str(job.number)], cwd="/", environment={}, **flags))  # type: ignore[arg-type]
    landing = ctx.ledger.lines.landing(job.number)
    assert landing is not None
    begin_landing(ctx, job.number, landing.id, lambda _key, call: call())
    over = ctx.ledger.lines.landing(job.number)
    assert over is not None
    return over


def test_a_job_lands_with_what_is_uncommitted_and_its_worktree_is_gone(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")
    Path(job.worktree, "b.txt").write_text("uncommitted\n")

    landing = land(context, job)

    [now] = context.ledger.jobs([job.number])
    remote = shop.parent.parent / "remotes" / "shop.git"
    assert (landing.outcome, landing.problem) == (Outcome.LANDED, "")
    assert git(remote, "rev-parse", "main") == now.landed_sha == landing.sha
    assert git(remote, "show", "main:b.txt") == "uncommitted"
    assert git(remote, "log", "-1", "--format=%B", "main").endswith(
        f"Fixed.\n\nAios-Job: {job.number} {job.agent}"
    )
    assert (now.state, now.landed_ref) == (JobState.LANDED, "origin/main")
    assert not Path(job.worktree).exists()
    assert git(shop, "rev-parse", "main") == landing.sha
    assert git(shop, "branch", "--list", "aios/*") == ""
    assert [line.split()[0] for line in landing.steps] == ["ok", "ok", "ok", "your", "ok"]
