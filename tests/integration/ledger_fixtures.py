"""Runs for tests of the ledger, made without a catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from aios_app.domain.models import Agent, Finishes, Job, JobState, Project, Run
from aios_app.domain.planning import Order, plan_run
from aios_app.ledger.ledger import Attempt, Ledger
from aios_app.settings import Settings
from aios_app.stack.address import redis_py_url

MACHINE = "machine-1"
OWNER = "owner-1"


def agent(key: str = "d", *, weight: int = 1, finishes: Finishes = Finishes.TURN) -> Agent:
    """An agent that nothing starts."""
    return Agent(
        uuid=key, key=key, name=f"name-{key}", kind="demo", argv=("true",), finishes=finishes, weight=weight
    )


@contextmanager
def opened(settings: Settings, instance: str = OWNER) -> Iterator[Ledger]:
    """A ledger on the instance's Redis, open."""
    ledger = Ledger(redis_py_url(settings))
    try:
        ledger.open(instance=instance)
        yield ledger
    finally:
        ledger.close()


def make_run(
    ledger: Ledger, *agents: tuple[Agent, int], projects: int = 1, prompt: str = "fix it", **flags: Any
) -> Run:
    """A run in the ledger, with these agents in so many projects."""
    order = Order(
        source=flags.pop("source", "all"),
        agents=agents or ((agent(), 1),),
        projects=tuple(_project(number) for number in range(projects)),
        prompt=prompt,
        **flags,
    )
    numbers = ledger.reserve(order.job_count)
    plan = plan_run(
        order,
        number=numbers.run,
        first_job=numbers.first_job,
        created_ms=numbers.now_ms,
        stamp="20260101-0000",
    )
    run = replace(plan, stages=tuple(replace(s, jobs=tuple(map(_complete, s.jobs))) for s in plan.stages))
    ledger.create_run(run, {"*": prompt})
    return run


def begin(ledger: Ledger, state: JobState = JobState.RUNNING) -> list[Job]:
    """Claims what may begin and brings it into ``state``, its agent open."""
    claimed = ledger.claim(MACHINE).begins
    for job in claimed:
        assert ledger.move(job.attempt, {JobState.PREPARING}, state, is_open=1)
    return ledger.jobs(job.number for job in claimed)


def end(ledger: Ledger, job: Job, state: JobState = JobState.REVIEW) -> bool:
    """The job's agent is gone."""
    return ledger.move(job.attempt, set(JobState), state, finishes=True, ends=True)


def rest(ledger: Ledger, job: Job) -> bool:
    """The turn of the job's agent is over, it stays open."""
    return ledger.move(job.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True)


def attempt_of(ledger: Ledger, job: Job) -> Attempt:
    """What the ledger knows of the job's attempt."""
    found = ledger.attempt(job.attempt)
    assert found is not None
    return found


def states(ledger: Ledger, run: Run) -> list[str]:
    """The states of the run's jobs, in order."""
    return [job.state.value for job in ledger.run_jobs(run.number)]


def _project(number: int) -> Project:
    return Project(
        uuid=f"p{number}", number=number, name=f"project-{number}", path=f"/p/{number}", machine_id=MACHINE
    )


def _complete(job: Job) -> Job:
    return replace(job, attempt=str(uuid.uuid4()), worktree=f"/w/{job.name}")
