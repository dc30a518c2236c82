from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import Job, JobState
from aios_app.services.catalogue_sync import share_catalogue
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger, reconcile
from aios_app.services.records import read_runs, record, write_run
from aios_app.services.restore_ledger import JOBS_LEFT_OUT, UNTOLD
from aios_app.services.retry_jobs import renew_job
from aios_app.stack.address import redis_py_url
from tests.integration.founder_fixtures import client
from tests.integration.service_fixtures import not_replicated, now, started


@pytest.fixture
def other(context: Context, short_path: Path) -> Iterator[Context]:
    """Another machine of the same ledger."""
    folder = short_path / "other"
    folder.mkdir()
    settings = replace(
        context.settings,
        data_dir=folder,
        runtime_dir=folder,
        redis_url=redis_py_url(context.settings),
        is_member=True,
    )
    with contextlib.closing(build_context(settings)) as other:
        ensure_ledger(other)
        yield other


@pytest.fixture
def jobs(context: Context, other: Context, make_project: Callable[[str], Path]) -> list[Job]:
    """Planned here: the first is in review on the other machine, the second waits for that one."""
    path = make_project("shop")
    context.catalog.add_project(path)
    context.catalog.put_agent(DEMO_AGENT)
    jobs = started(context, "d:2", "fix it", cwd=path)
    for ctx in (context, other):
        share_catalogue(ctx)
    _plan_elsewhere(context, other.machine)
    for job in jobs:
        context.ledger.note(job.number, machine=other.machine)
    context.ledger.move(jobs[0].attempt, {JobState.QUEUED}, JobState.RUNNING, has_begun=1)
    context.ledger.move(
        jobs[0].attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True, ends=True, message="done"
    )
    record(other, jobs[0].number)
    return jobs


def _plan_elsewhere(ctx: Context, machine: str) -> None:
    """Its plan says of the first job that any machine may take it, of the second that it is that one's."""
    [(run, prompts)] = read_runs(ctx.settings)
    [stage] = run.stages
    moved = tuple(replace(job, machine=name) for job, name in zip(stage.jobs, ("", machine), strict=True))
    write_run(ctx.settings, replace(run, stages=(replace(stage, jobs=moved),)), prompts)


def _lose(ctx: Context) -> None:
    with client(ctx.settings) as connection:
        connection.flushall()


def _states(ctx: Context, jobs: list[Job]) -> list[JobState]:
    return [job.state for job in now(ctx, jobs)]


def test_jobs_of_another_machine_are_lost_until_it_tells_and_begin_nowhere(
    context: Context, other: Context, jobs: list[Job]
) -> None:
    _lose(context)

    ensure_ledger(context, owns=True)

    assert _states(context, jobs) == [JobState.LOST] * 2
    assert {job.cause for job in now(context, jobs)} == {UNTOLD}
    assert context.ledger.claim(other.machine).begins == []
    assert context.ledger.claim(context.machine).begins == []


@pytest.mark.parametrize("is_other_first", [False, True])
def test_each_machine_tells_what_became_of_its_jobs_whoever_comes_first(
    context: Context, other: Context, jobs: list[Job], *, is_other_first: bool
) -> None:
    _lose(context)
    for ctx in (other, context) if is_other_first else (context, other):
        ensure_ledger(ctx, owns=True)

    reconcile(other)

    first, second = now(context, jobs)
    assert (first.state, first.cause, first.message) == (JobState.REVIEW, "", "done")
    assert first.attempt == jobs[0].attempt
    assert second.state in {JobState.QUEUED, JobState.PREPARING}  # it never began
    assert second.cause == ""


def test_a_job_that_a_person_has_begun_anew_meanwhile_stays_so(
    context: Context, other: Context, jobs: list[Job]
) -> None:
    _lose(context)
    ensure_ledger(context, owns=True)
    assert renew_job(context, now(context, jobs)[0], {"machine": context.machine})
    newest = now(context, jobs)[0].attempt

    ensure_ledger(other)
    reconcile(other)

    assert now(context, jobs)[0].attempt == newest
    assert now(context, jobs)[0].machine == context.machine


def test_no_number_is_given_twice_that_another_machine_may_have_given(
    context: Context, other: Context, jobs: list[Job]
) -> None:
    other.catalog.note_numbers(3, 40)  # of a run that this machine has not heard of
    _lose(context)

    ensure_ledger(context, owns=True)
    early = context.ledger.reserve(1)
    ensure_ledger(other)

    assert early.first_job > jobs[-1].number + JOBS_LEFT_OUT
    assert context.ledger.reserve(1).first_job > max(40, early.first_job)


def test_where_there_is_one_machine_nothing_is_left_out(
    context: Context, make_project: Callable[[str], Path]
) -> None:
    context.catalog.add_project(make_project("shop"))
    context.catalog.put_agent(DEMO_AGENT)
    jobs = started(context, "shop", "d:1", "fix it")
    _lose(context)

    ensure_ledger(context, owns=True)

    assert _states(context, jobs) == [JobState.QUEUED]
    assert context.ledger.reserve(1).first_job == jobs[-1].number + 1


def test_what_a_server_that_took_over_was_not_told_is_written_again(
    context: Context, other: Context, jobs: list[Job]
) -> None:
    with not_replicated(context):
        [late] = started(context, "shop", "d:1", "fix it")
    assert context.ledger.job(late.number) is None

    ensure_ledger(other)
    ensure_ledger(context, owns=True)

    assert _states(context, [*jobs, late]) == [JobState.REVIEW, JobState.QUEUED, JobState.QUEUED]
    assert context.ledger.reserve(1).first_job == late.number + 1
