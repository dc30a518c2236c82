"""The loss of Redis, and what a crash left between ledger, queue, tmux and spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import LedgerLost
from aios_app.domain.models import Job, JobState
from aios_app.ledger.connection import connect
from aios_app.services.context import Context, build_context
from aios_app.services.finish_job import finish_attempt, finish_turn
from aios_app.services.reconcile import ensure_ledger, reconcile
from aios_app.services.start_run import start_run
from aios_app.stack.address import redis_py_url
from tests.integration.service_fixtures import (
    attempt_of,
    claimed,
    not_replicated,
    now,
    request,
    running,
    started,
)
from tests.integration.spool_writing import write_signal

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context) -> Iterator[Context]:
    """With the stand-in agent, room for four, and a tmux server without sessions of ours."""
    context.catalog.put_agent(DEMO_AGENT)
    context.catalog.set("max_agents", "4")
    ensure_ledger(context)
    yield context
    context.tmux.stop_if_empty()


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def one(ctx: Context, shop: Path) -> Job:
    """A running job."""
    return running(ctx, "d:1", "x", cwd=shop)[0]


def lose_redis(ctx: Context) -> None:
    """All data in Redis is gone."""
    redis = connect(redis_py_url(ctx.settings))
    redis.flushall()
    redis.close()


def test_after_the_loss_of_redis_jobs_are_as_they_last_were(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:3", "the prompt", cwd=shop)
    finish_turn(ctx, attempt_of(ctx, jobs[0]), message="done")
    finish_attempt(ctx, attempt_of(ctx, jobs[1]), JobState.FAILED, "exited 7")
    before = now(ctx, jobs[:2])

    lose_redis(ctx)
    ensure_ledger(ctx)

    assert [(job.state, job.cause, job.message, job.attempt) for job in now(ctx, jobs[:2])] == [
        (job.state, job.cause, job.message, job.attempt) for job in before
    ]
    assert ctx.ledger.prompts(1) == {"*": "the prompt"}
    assert ctx.ledger.run_agent(1, "d").name == "demo"


def test_an_end_that_a_server_which_took_over_was_not_told_is_known_from_the_record(
    ctx: Context, shop: Path
) -> None:
    jobs = running(ctx, "d:3", "x", cwd=shop)
    with not_replicated(ctx):
        finish_attempt(ctx, attempt_of(ctx, jobs[0]), JobState.REVIEW)
        finish_attempt(ctx, attempt_of(ctx, jobs[1]), JobState.FAILED, "exited 7")
    assert {job.state for job in now(ctx, jobs)} == {JobState.RUNNING}

    reconcile(ctx)

    ends = [(job.state.value, job.cause) for job in now(ctx, jobs)]
    assert ends == [("review", ""), ("failed", "exited 7"), ("failed", "session lost")]


def test_numbers_are_never_given_again(ctx: Context, shop: Path) -> None:
    started(ctx, "d:3", "x", cwd=shop)
    lose_redis(ctx)
    with pytest.raises(LedgerLost):
        start_run(ctx, request("d:1", "x", cwd=shop))
    ensure_ledger(ctx)

    [job] = started(ctx, "d:1", "x", cwd=shop)

    assert (job.run, job.number) == (2, 4)


def test_numbers_that_were_only_reserved_are_not_given_again_either(ctx: Context, shop: Path) -> None:
    ctx.catalog.note_numbers(7, 40)
    lose_redis(ctx)
    ensure_ledger(ctx)

    [job] = started(ctx, "d:1", "x", cwd=shop)

    assert (job.run, job.number) == (8, 41)


def test_what_had_not_begun_begins_after_the_loss(ctx: Context, shop: Path) -> None:
    jobs = started(ctx, "d:2", "x", cwd=shop)
    lose_redis(ctx)

    reconcile(ctx)

    assert {job.state for job in now(ctx, jobs)} == {JobState.PREPARING}
    assert ctx.queue.pending_attempts(ctx.machine) == {job.attempt for job in jobs}


def test_what_was_being_prepared_is_sent_again(ctx: Context, shop: Path) -> None:
    jobs = started(ctx, "d:2", "x", cwd=shop)
    claimed(ctx)
    assert ctx.queue.pending_attempts(ctx.machine) == set()

    reconcile(ctx)
    reconcile(ctx)

    assert ctx.queue.pending_attempts(ctx.machine) == {job.attempt for job in jobs}


def test_a_sequence_goes_on_at_the_stage_it_was_in(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:3", "x", cwd=shop, is_sequential=True)
    finish_turn(ctx, attempt_of(ctx, jobs[0]))
    lose_redis(ctx)

    reconcile(ctx)

    assert [job.state.value for job in now(ctx, jobs)] == ["review", "preparing", "queued"]
    assert ctx.ledger.run(1)["stage"] == "1"


def test_a_job_whose_session_is_gone_is_lost_and_its_slot_free(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)

    reconcile(ctx)

    [lost] = now(ctx, [job])
    assert (lost.state, lost.cause, lost.is_open) == (JobState.FAILED, "session lost", False)
    assert ctx.ledger.slots_used(ctx.machine) == 0


def test_what_an_agent_said_while_nobody_listened_is_not_overruled(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    write_signal(ctx.settings.spool_dir, job.attempt, "exit", b"status=0\n")

    reconcile(ctx)

    assert now(ctx, [job])[0].state is JobState.RUNNING


def test_a_living_session_is_adopted(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    marks = {"job": str(job.number), "attempt": job.attempt}
    ctx.tmux.new_session(job.name, cwd=shop, argv=["cat"], environment={}, marks=marks)

    reconcile(ctx)

    assert now(ctx, [job])[0].state is JobState.RUNNING
    ctx.tmux.kill_session(job.name)


def test_two_processes_that_find_the_ledger_lost_rebuild_it_once(ctx: Context, shop: Path) -> None:
    started(ctx, "d:2", "x", cwd=shop)
    lose_redis(ctx)
    other = build_context(ctx.settings)

    ensure_ledger(other, owns=True)
    ensure_ledger(ctx)

    assert [job.number for job in ctx.ledger.run_jobs(1)] == [1, 2]
    assert ctx.ledger.reserve(1).first_job == other.ledger.reserve(1).first_job - 1 == 3
    other.close()
