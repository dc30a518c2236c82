"""Runs and ends for tests of the services, without a worker: the test does the worker's part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Attempt
from aios_app.services.context import Context
from aios_app.services.start_run import RunRequest, start_run
from tests.integration.founder_fixtures import client


def request(*words: str, cwd: Path | str = "/", source: str = "multi", **flags: Any) -> RunRequest:
    """What the command line sends."""
    return RunRequest(source=source, words=words, cwd=str(cwd), **flags)


def started(ctx: Context, *words: str, cwd: Path | str = "/", **flags: Any) -> list[Job]:
    """The jobs of a run, in the ledger and not begun."""
    answer = start_run(ctx, request(*words, cwd=cwd, **flags))
    return ctx.ledger.run_jobs(answer["run"]["number"])


def claimed(ctx: Context) -> list[Job]:
    """The jobs that may begin, without the tasks that would be sent."""
    return ctx.ledger.claim(ctx.machine).begins


def running(ctx: Context, *words: str, cwd: Path, **flags: Any) -> list[Job]:
    """Jobs whose agents are said to work; there are no sessions."""
    jobs = started(ctx, *words, cwd=cwd, **flags)
    for job in claimed(ctx):
        ctx.ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
    return now(ctx, jobs)


def now(ctx: Context, jobs: list[Job]) -> list[Job]:
    """The jobs as they are now."""
    return ctx.ledger.jobs(job.number for job in jobs)


def attempt_of(ctx: Context, job: Job) -> Attempt:
    """The job's newest attempt."""
    found = ctx.ledger.attempt(job.attempt)
    assert found is not None
    return found


@contextmanager
def not_replicated(ctx: Context) -> Iterator[None]:
    """What the ledger is told in the block is unknown to the server that takes over at its end."""
    with client(ctx.settings) as connection:
        known = {key: connection.dump(key) for key in connection.scan_iter("aios:1:*")}
        yield
        connection.flushall()
        for key, value in known.items():
            connection.restore(key, 0, value)
