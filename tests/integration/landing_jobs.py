"""Jobs that can land, for tests of the services without a worker: the test does the worker's part."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.landing import Landing
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.land_job import begin_landing
from aios_app.services.request_landing import LandingRequest, request_landings
from tests.integration.service_fixtures import claimed, started


@pytest.fixture(autouse=True)
def person(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
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


def worked(ctx: Context, shop: Path, *files: str, count: int = 1, base: str = "") -> list[Job]:
    """Jobs whose agents wrote and committed these files, each its own text, and have ended."""
    jobs = started(ctx, "shop", f"h:{count}", "fix the login", cwd=shop, base=base)
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
    return finish(ctx, job)


def finish(ctx: Context, job: Job) -> Landing:
    """Runs the job's landing, which must be the first in line, to its end."""
    landing = ctx.ledger.lines.landing(job.number)
    assert landing is not None
    begin_landing(ctx, job.number, landing.id, lambda _key, call: call())
    over = ctx.ledger.lines.landing(job.number)
    assert over is not None
    return over


def remote_of(shop: Path) -> Path:
    """The bare repository that the project pushes to."""
    return shop.parent.parent / "remotes" / f"{shop.name}.git"


def is_on_remote(shop: Path, file: str) -> bool:
    """Whether main of the remote has the file."""
    return file in git(remote_of(shop), "ls-tree", "-r", "--name-only", "main").splitlines()


def hook(repository: Path, name: str, line: str) -> None:
    """A hook of one line of shell."""
    folder = repository / ("hooks" if repository.suffix == ".git" else ".git/hooks")
    (folder / name).write_text(f"#!/bin/sh\n{line}\n")
    (folder / name).chmod(0o755)
