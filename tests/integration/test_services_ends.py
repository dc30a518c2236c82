"""What a signal, or a limit, makes of a job; there is no worker but the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.handle_signal import handle_signal
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.timers import LAUNCH, LIMIT, SETUP, SKIP, set_timer
from aios_app.spool.files import Signal
from tests.integration.service_fixtures import now, running

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


@pytest.fixture
def tmux_lives(ctx: Context, shop: Path) -> Iterator[None]:
    """A tmux server that outlives the sessions of jobs."""
    ctx.tmux.new_session("other", cwd=shop, argv=["cat"], environment={}, marks={})
    yield
    ctx.tmux.kill_session("other")


def tell(ctx: Context, job: Job, kind: str, payload: str = "") -> Job:
    """The agent, its wrapper or a hook leaves a signal; the job as it is then."""
    handle_signal(ctx, Signal(job.attempt, 1, kind, payload.encode()))
    return now(ctx, [job])[0]


def one(ctx: Context, shop: Path) -> Job:
    """A running job."""
    return running(ctx, "d:1", "x", cwd=shop)[0]


# Signals


@pytest.mark.parametrize(
    ("payload", "state", "cause"),
    [
        ("status=0\nsignal=\n", JobState.REVIEW, ""),
        ("status=7\nsignal=\n", JobState.FAILED, "exited 7"),
        ("status=137\nsignal=\n", JobState.FAILED, "ended by SIGKILL"),
        ("status=255\nsignal=\n", JobState.FAILED, "exited 255"),
        ("", JobState.FAILED, "exited 1"),
        ("status=129\nsignal=HUP\n", JobState.FAILED, "session lost"),
    ],
)
def test_the_exit_of_an_agent_decides(
    ctx: Context, shop: Path, payload: str, state: JobState, cause: str
) -> None:
    job = tell(ctx, one(ctx, shop), "exit", payload)

    assert (job.state, job.cause, job.is_open) == (state, cause, False)
    assert job.finished_ms > 0
    assert ctx.ledger.slots_used(ctx.machine) == 0


@pytest.mark.parametrize("said_before", ["prompt", "turn"])
def test_a_terminal_that_was_closed_while_tmux_lives_is_a_stop(
    ctx: Context, shop: Path, tmux_lives: None, said_before: str
) -> None:
    job = one(ctx, shop)
    tell(ctx, job, said_before)

    job = tell(ctx, job, "exit", f"status=129\nsignal=HUP\nserver={ctx.tmux.pid()}\n")

    assert (job.state, job.cause) == (JobState.STOPPED, "its terminal was closed")


def test_a_terminal_that_went_with_an_earlier_tmux_server_is_lost(
    ctx: Context, shop: Path, tmux_lives: None
) -> None:
    job = tell(ctx, one(ctx, shop), "exit", "status=129\nsignal=HUP\nserver=1\n")

    assert (job.state, job.cause) == (JobState.FAILED, "session lost")


@pytest.mark.parametrize("payload", ["status=0\n", "status=1\n", "status=129\nsignal=HUP\n"])
def test_an_agent_in_review_that_ends_leaves_its_job_in_review(
    ctx: Context, shop: Path, payload: str
) -> None:
    job = tell(ctx, one(ctx, shop), "turn", json.dumps({"message": "done"}))

    job = tell(ctx, job, "exit", payload)

    assert (job.state, job.cause, job.is_open, job.message) == (JobState.REVIEW, "", False, "done")


@pytest.mark.parametrize(
    ("ending", "state", "cause"),
    [
        ("stop", JobState.STOPPED, ""),
        ("close", JobState.REVIEW, ""),
        ("took too long", JobState.FAILED, "took too long"),
    ],
)
def test_an_end_that_aios_wanted_is_what_it_was_wanted_for(
    ctx: Context, shop: Path, ending: str, state: JobState, cause: str
) -> None:
    job = one(ctx, shop)
    ctx.ledger.note_attempt(job.attempt, ending=ending)

    job = tell(ctx, job, "exit", "status=143\nsignal=HUP\n")

    assert (job.state, job.cause) == (state, cause)


def test_turns_questions_and_answers_move_a_job_to_and_fro(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)

    waiting = tell(ctx, job, "waiting", json.dumps({"question": "Proceed?"}))
    answered = tell(ctx, job, "prompt")
    review = tell(ctx, job, "turn", json.dumps({"message": "done"}))
    again = tell(ctx, job, "prompt")
    twice = tell(ctx, job, "turn")

    assert (waiting.state, waiting.question) == (JobState.WAITING, "Proceed?")
    assert (answered.state, answered.question) == (JobState.RUNNING, "")
    assert (review.state, review.turns, review.message) == (JobState.REVIEW, 1, "done")
    assert (again.state, twice.state, twice.turns) == (JobState.RUNNING, JobState.REVIEW, 2)
    assert twice.finished_ms == review.finished_ms


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "no json",
        "[1]",
        '{"message": 7, "question": null}',
        "\x00",
        '{"message": "\\ud800", "question": "\\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        "status=often",
        "status=-7",
    ],
)
def test_whatever_an_agent_writes_into_a_signal_is_borne(ctx: Context, shop: Path, payload: str) -> None:
    job = one(ctx, shop)

    assert tell(ctx, job, "waiting", payload).state is JobState.WAITING
    assert tell(ctx, job, "turn", payload).state is JobState.REVIEW
    assert tell(ctx, job, "conversation", payload).state is JobState.REVIEW
    assert tell(ctx, job, "hook", payload).state is JobState.REVIEW
    assert tell(ctx, job, "prompt", payload).state is JobState.RUNNING
    assert not tell(ctx, job, "exit", payload).is_open


def test_signals_of_another_attempt_or_after_the_end_change_nothing(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    handle_signal(ctx, Signal("no-such-attempt", 1, "exit", b"status=0\n"))
    assert now(ctx, [job]) == [job]

    ended = tell(ctx, job, "exit", "status=7\n")

    for kind in ("exit", "turn", "waiting", "prompt", "started"):
        assert tell(ctx, job, kind, "status=0\n") == ended


def test_the_end_of_a_stage_begins_the_next_at_once(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:2", "x", cwd=shop, is_sequential=True)

    tell(ctx, jobs[0], "turn")

    assert [job.state.value for job in now(ctx, jobs)] == ["review", "preparing"]
    assert ctx.queue.pending_attempts(ctx.machine) >= {jobs[1].attempt}


# Limits


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (LIMIT, "took longer than its limit of 60 s"),
        (SETUP, "setup took longer than 10m (aios logs 1)"),
        (LAUNCH, "the shell's start-up files did not finish within 30s: try /bin/sh -l -i -c true"),
    ],
)
def test_a_limit_that_is_over_is_the_cause_of_the_failure(
    ctx: Context, shop: Path, kind: str, cause: str
) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop, limit="1m")
    set_timer(ctx, kind, job.attempt, 0)

    assert fire_due_timers(ctx) is None

    [failed] = now(ctx, [job])
    assert (failed.state, failed.cause) == (JobState.FAILED, cause)


def test_a_limit_is_put_off_while_what_the_agent_has_said_is_not_read(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    set_timer(ctx, LAUNCH, job.attempt, 0)
    unread = ctx.settings.spool_dir / f"{job.attempt}.1.started"
    unread.parent.mkdir(exist_ok=True)
    unread.touch()

    left_s = fire_due_timers(ctx)
    assert left_s is not None
    assert 0 < left_s <= 5
    assert now(ctx, [job])[0].state is JobState.RUNNING

    unread.unlink()
    set_timer(ctx, LAUNCH, job.attempt, 0)
    fire_due_timers(ctx)
    assert now(ctx, [job])[0].state is JobState.FAILED


def test_a_limit_that_is_not_over_is_waited_for_and_the_end_drops_it(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    set_timer(ctx, LIMIT, job.attempt, 100)
    assert ctx.alarm.is_set()

    left_s = fire_due_timers(ctx)
    assert left_s is not None
    assert 90 < left_s <= 100

    tell(ctx, job, "exit", "status=0\n")
    assert fire_due_timers(ctx) is None


def test_the_first_word_of_the_launcher_and_of_the_setup_drop_their_limits(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    set_timer(ctx, LAUNCH, job.attempt, 100)
    set_timer(ctx, SETUP, job.attempt, 200)

    tell(ctx, job, "started")
    assert ctx.ledger.next_timer(ctx.machine) is not None
    tell(ctx, job, "setup", "status=0\n")

    assert ctx.ledger.next_timer(ctx.machine) is None


def test_a_waiting_job_is_passed_after_skip_waiting_and_an_answer_takes_that_back(
    ctx: Context, shop: Path
) -> None:
    jobs = running(ctx, "d:2", "x", cwd=shop, is_sequential=True, skip_waiting="5m")
    tell(ctx, jobs[0], "waiting")
    assert ctx.ledger.next_timer(ctx.machine) is not None
    tell(ctx, jobs[0], "prompt")
    assert ctx.ledger.next_timer(ctx.machine) is None

    tell(ctx, jobs[0], "waiting")
    set_timer(ctx, SKIP, jobs[0].attempt, 0)
    fire_due_timers(ctx)

    assert [job.state.value for job in now(ctx, jobs)] == ["waiting", "preparing"]
