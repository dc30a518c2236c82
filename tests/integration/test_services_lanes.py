"""A rate limit, from what an agent says of it to the retry; there is no worker but the test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.agents import DEFAULT_AGENTS
from aios_app.domain.models import Job, JobState
from aios_app.ledger.connection import connect
from aios_app.queue.app import queue_name
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.finish_job import finish_attempt
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.handle_signal import handle_signal
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.retry_jobs import retry_jobs
from aios_app.services.spawn_job import spawn_job
from aios_app.services.status import show_status
from aios_app.spool.files import Signal
from aios_app.stack.address import redis_py_url
from tests.integration.service_fixtures import attempt_of, claimed, now, running, started

MakeProject = Callable[[str], Path]
HOUR_MS = 3_600_000


@pytest.fixture
def ctx(context: Context) -> Iterator[Context]:
    """Room for four; claude's starts are not staggered."""
    context.catalog.set("max_agents", "4")
    context.catalog.set("stagger_claude", "0")
    context.catalog.set("stagger_codex", "0")
    ensure_ledger(context)
    yield context
    context.tmux.stop_if_empty()


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def works(ctx: Context, shop: Path, count: int = 1) -> list[Job]:
    """Claude at work in the project's worktrees, which have changed nothing."""
    jobs = running(ctx, f"l:{count}", "x", cwd=shop)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=shop, check=True, capture_output=True, text=True)
    head = done.stdout.strip()
    for job in jobs:
        ctx.ledger.move(job.attempt, {JobState.RUNNING}, None, base_sha=head, worktree=str(shop))
    return now(ctx, jobs)


def says(ctx: Context, job: Job, **payload: object) -> None:
    handle_signal(ctx, Signal(job.attempt, 1, "hook", json.dumps(payload).encode()))


def hits(ctx: Context, job: Job, words: str = "") -> Job:
    """The agent hits a limit and is ended for it, as the worker does."""
    says(ctx, job, hook_event_name="StopFailure", error="rate_limit", last_assistant_message=words)
    ctx.ledger.note_attempt(job.attempt, ending=f"rate limit: {words}")
    handle_signal(ctx, Signal(job.attempt, 2, "exit", b"status=143\nsignal=TERM\n"))
    return now(ctx, [job])[0]


def pause_ms(ctx: Context) -> int:
    """For how long claude is parked."""
    return ctx.ledger.lane("claude").until_ms - ctx.ledger.now_ms()


def over(ctx: Context) -> None:
    """The time of the limit passes."""
    ctx.ledger.park(replace(ctx.ledger.lane("claude"), until_ms=ctx.ledger.now_ms() - 1))
    ctx.ledger.set_timer(ctx.machine, "lane", "claude", ctx.ledger.now_ms() - 1)
    fire_due_timers(ctx)


def test_a_limit_parks_the_agent_until_the_time_that_it_says(ctx: Context, shop: Path) -> None:
    [job] = works(ctx, shop)
    more = started(ctx, "l:2", "c:1", "x", cwd=shop)

    job = hits(ctx, job, "try again in 3 hours")

    assert (job.state, job.cause) == (JobState.FAILED, "rate limit: try again in 3 hours")
    assert abs(pause_ms(ctx) - 3 * HOUR_MS) < 60_000
    waits = [other.reason for other in now(ctx, more) if other.agent == "claude"]
    [lane] = show_status(ctx)["parked"]
    assert waits == [lane["reason"]] * 2
    assert lane["reason"].startswith("claude is rate-limited until ")
    assert [other.state for other in now(ctx, more) if other.agent == "codex"] == [JobState.PREPARING]


def test_without_a_time_the_pause_doubles_up_to_two_hours(ctx: Context, shop: Path) -> None:
    minutes = []
    for _ in range(5):
        [job] = works(ctx, shop)
        hits(ctx, job)
        minutes.append(round(pause_ms(ctx) / 60_000))
        ctx.ledger.take_failed("claude")
        over(ctx)

    assert minutes == [15, 30, 60, 120, 120]


def test_agents_that_hit_the_same_limit_one_after_another_lengthen_nothing(ctx: Context, shop: Path) -> None:
    for job in works(ctx, shop, 4):
        hits(ctx, job)

    assert round(pause_ms(ctx) / 60_000) == 15


def test_what_was_cut_off_unchanged_is_tried_again_when_the_limit_is_over(ctx: Context, shop: Path) -> None:
    [job] = works(ctx, shop)
    job = hits(ctx, job)
    assert job.note == "it had changed nothing: it is tried again when claude is free"

    over(ctx)

    [again] = now(ctx, [job])
    assert (again.state, again.attempt_no, again.note) == (JobState.PREPARING, 2, "")


def test_what_had_changed_something_waits_for_the_person(ctx: Context, shop: Path) -> None:
    [job] = works(ctx, shop)
    (shop / "README.md").write_text("changed\n")
    job = hits(ctx, job)

    over(ctx)

    [same] = now(ctx, [job])
    assert (same.state, same.attempt_no, same.note) == (JobState.FAILED, 1, "")


def test_what_the_person_retried_meanwhile_is_not_tried_twice(ctx: Context, shop: Path) -> None:
    [job] = works(ctx, shop)
    job = hits(ctx, job)

    retry_jobs(ctx, [job], agent="", is_fresh=False)
    assert [one.number for one in claimed(ctx)] == [job.number]
    attempt = attempt_of(ctx, now(ctx, [job])[0])
    finish_attempt(ctx, attempt, JobState.FAILED, "exited 1")
    over(ctx)

    assert now(ctx, [job])[0].attempt_no == 2


def test_a_retry_that_works_opens_the_lane_for_all(ctx: Context, shop: Path) -> None:
    job, other = works(ctx, shop, 2)
    for one in (job, other):
        hits(ctx, one)
    queued = started(ctx, "l:1", "x", cwd=shop)
    retry_jobs(ctx, now(ctx, [job]), agent="", is_fresh=False)
    claimed(ctx)
    [job] = now(ctx, [job])
    ctx.ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)

    says(ctx, job, hook_event_name="Stop", last_assistant_message="done")

    assert ctx.ledger.parked_lanes() == []
    assert [one.state for one in now(ctx, [job, other, *queued])] == [
        JobState.REVIEW,
        JobState.PREPARING,
        JobState.PREPARING,
    ]


def test_an_agent_that_was_at_work_before_the_limit_opens_nothing(ctx: Context, shop: Path) -> None:
    job, other = works(ctx, shop, 2)
    hits(ctx, job)

    says(ctx, other, hook_event_name="Stop", last_assistant_message="done")

    assert [lane.name for lane in ctx.ledger.parked_lanes()] == ["claude"]


def test_another_failure_parks_nothing(ctx: Context, shop: Path) -> None:
    [job] = works(ctx, shop)

    says(ctx, job, hook_event_name="StopFailure", error="unknown", last_assistant_message="API Error: 400")

    assert ctx.ledger.parked_lanes() == []


def test_agents_that_a_person_made_of_claude_share_its_limit(ctx: Context, shop: Path) -> None:
    claude = next(agent for agent in DEFAULT_AGENTS if agent.key == "l")
    ctx.catalog.put_agent(replace(claude, uuid="", key="o", name="opus"))
    [job] = works(ctx, shop)
    [other] = started(ctx, "o:1", "x", cwd=shop)

    hits(ctx, job)

    assert now(ctx, [other])[0].reason.startswith("claude is rate-limited until ")


def test_tokens_are_added_up_over_the_conversations_of_a_job(
    ctx: Context, shop: Path, short_path: Path
) -> None:
    [job] = works(ctx, shop)
    for conversation, tokens in (("one", 100), ("one", 150), ("two", 7)):
        transcript = short_path / f"{conversation}.jsonl"
        message = {"id": "m", "usage": {"input_tokens": tokens, "output_tokens": 1}}
        transcript.write_text(json.dumps({"type": "assistant", "message": message}) + "\n")
        about = {"session_id": conversation, "transcript_path": str(transcript)}
        says(ctx, job, hook_event_name="SessionStart", source="clear", **about)
        says(ctx, job, hook_event_name="UserPromptSubmit", **about)
        says(ctx, job, hook_event_name="Stop", last_assistant_message="done", **about)

    [job] = now(ctx, [job])
    assert (job.tokens_in, job.tokens_out, job.cost_usd) == (157, 2, "")


def test_what_is_written_down_after_the_end_of_a_turn_is_counted_too(
    ctx: Context, shop: Path, short_path: Path
) -> None:
    [job] = works(ctx, shop)
    transcript = short_path / "late.jsonl"
    transcript.touch()
    says(ctx, job, hook_event_name="SessionStart", source="startup", transcript_path=str(transcript))
    says(ctx, job, hook_event_name="Stop", last_assistant_message="done")
    message = {"id": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}
    transcript.write_text(json.dumps({"type": "assistant", "message": message}) + "\n")
    assert now(ctx, [job])[0].tokens_in == 0
    timer = ctx.ledger.next_timer(ctx.machine)
    assert timer is not None
    assert timer[:2] == ("tokens", job.attempt)

    ctx.ledger.set_timer(ctx.machine, "tokens", job.attempt, ctx.ledger.now_ms() - 1)
    fire_due_timers(ctx)

    assert now(ctx, [job])[0].tokens_in == 5


def test_an_agent_whose_turn_has_not_come_is_started_by_a_timer(ctx: Context, shop: Path) -> None:
    started(ctx, "l:2", "x", cwd=shop)
    first, second = claimed(ctx)
    ctx.catalog.set("stagger_claude", "1m")
    ensure_ledger(ctx)
    ctx.ledger.take_turn(first.attempt)

    assert spawn_job(ctx, second.attempt) is None

    timer = ctx.ledger.next_timer(ctx.machine)
    assert timer is not None
    assert timer[:2] == ("turn", second.attempt)
    assert ctx.tmux.find(second.name) is None


def test_the_worker_is_told_of_a_timer_that_another_process_set(ctx: Context, shop: Path) -> None:
    ctx.catalog.set("stagger_claude", "1m")
    ensure_ledger(ctx)
    started(ctx, "l:2", "x", cwd=shop)

    dispatch(ctx)

    redis = connect(redis_py_url(ctx.settings))
    sent = [json.loads(text)["headers"]["task"] for text in redis.lrange(queue_name(ctx.machine), 0, -1)]
    redis.close()
    assert sorted(sent) == ["wake", "worktree_create"]
