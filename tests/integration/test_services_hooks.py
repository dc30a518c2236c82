"""What an agent's own hooks, and a look at its screen, make of a job; there is no agent but the test."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from aios_app.agents import DEFAULT_AGENTS
from aios_app.domain.models import Finishes, Job, JobState
from aios_app.queue.app import queue_name
from aios_app.queue.sending import AGENT_END
from aios_app.services.context import Context
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.handle_signal import handle_signal
from aios_app.services.job_log import show_log
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.timers import REST, SKIP, START, set_timer
from aios_app.services.watch_screen import look_at_silent
from aios_app.spool.files import Signal
from aios_app.stack.waiting import tries
from tests.integration.service_fixtures import attempt_of, now, running

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context) -> Iterator[Context]:
    """With room for four agents, which are silent after a second."""
    for agent in DEFAULT_AGENTS:
        context.catalog.put_agent(replace(agent, idle_after_s=1))
    context.catalog.set("max_agents", "4")
    ensure_ledger(context)
    yield context
    for session in context.tmux.sessions():
        context.tmux.kill_session(session.name)
    context.tmux.stop_if_empty()


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def ended(ctx: Context) -> list[str]:
    """The causes for which the worker was asked to end an agent."""
    with Redis.from_url(ctx.ledger.url) as redis:
        messages = [json.loads(text) for text in redis.lrange(queue_name(ctx.machine), 0, -1)]
    asked = [message for message in messages if message["headers"]["task"] == AGENT_END]
    return [json.loads(base64.b64decode(message["body"]))[1]["reason"] for message in asked]


def hear(ctx: Context, job: Job, event: str, session: str = "id-1", **payload: Any) -> Job:
    """One of the agent's hooks leaves its payload; the job as it is then."""
    data = {"hook_event_name": event, "session_id": session, "transcript_path": "/t.jsonl", **payload}
    handle_signal(ctx, Signal(job.attempt, 1, "hook", json.dumps(data).encode()))
    return now(ctx, [job])[0]


def one(ctx: Context, shop: Path, agent: str = "l") -> Job:
    """A running job whose agent has said that it begins."""
    [job] = running(ctx, f"{agent}:1", "x", cwd=shop)
    return hear(ctx, job, "SessionStart", source="startup")


def show(ctx: Context, job: Job, text: str, title: str = "") -> None:
    """Opens the job's session with a program that shows this and says nothing more."""
    script = f"printf '\\033]2;%s\\007' {shlex.quote(title)}; printf %s {shlex.quote(text)}; exec cat"
    ctx.tmux.new_session(
        job.name,
        cwd=Path("/"),
        argv=["/bin/sh", "-c", script],
        environment={},
        marks={"attempt": job.attempt},
    )
    assert any(text in ctx.tmux.capture(job.name) for _ in tries(5))


def test_a_turn_goes_from_prompt_to_message(ctx: Context, shop: Path) -> None:
    began = one(ctx, shop)
    prompted = hear(ctx, began, "UserPromptSubmit")
    over = hear(ctx, began, "Stop", last_assistant_message="done")
    further = hear(ctx, began, "UserPromptSubmit")

    assert (began.conversation, began.transcript) == ("id-1", "/t.jsonl")
    assert (prompted.state, over.state, further.state) == (
        JobState.RUNNING,
        JobState.REVIEW,
        JobState.RUNNING,
    )
    assert (over.message, over.turns) == ("done", 1)


def test_another_conversation_is_not_heard(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)

    nested = hear(ctx, job, "SessionStart", session="id-2", source="startup")
    stopped = hear(ctx, job, "Stop", session="id-2", last_assistant_message="a title")

    assert (nested.conversation, stopped.state, stopped.message) == ("id-1", JobState.RUNNING, "")


def test_of_a_helper_of_the_agent_only_its_questions_count(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    aside = {"agent_id": "helper", "transcript_path": "/helper.jsonl"}

    stopped = hear(ctx, job, "Stop", last_assistant_message="of the helper", **aside)
    asking = hear(ctx, job, "PermissionRequest", tool_name="Bash", tool_input={"command": "ls"}, **aside)

    assert (stopped.state, stopped.message) == (JobState.RUNNING, "")
    assert (asking.state, asking.transcript) == (JobState.WAITING, "/t.jsonl")


@pytest.mark.parametrize("source", ["clear", "resume"])
def test_a_conversation_that_the_person_chose_takes_the_place_of_the_old_one(
    ctx: Context, shop: Path, source: str
) -> None:
    job = one(ctx, shop)

    hear(ctx, job, "SessionStart", session="id-2", source=source)
    over = hear(ctx, job, "Stop", session="id-2", last_assistant_message="done")

    assert (over.conversation, over.state) == ("id-2", JobState.REVIEW)


def test_a_question_is_kept_until_it_is_answered(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)

    hear(ctx, job, "PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})
    reminded = hear(ctx, job, "Notification", notification_type="permission_prompt", message="needs you")
    answered = hear(ctx, job, "PostToolUse", session="")

    assert (reminded.state, reminded.question) == (JobState.WAITING, "Bash: ls")
    assert (answered.state, answered.question) == (JobState.RUNNING, "")


def test_a_turn_that_ends_while_a_command_runs_is_not_over(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)

    busy = hear(ctx, job, "Stop", last_assistant_message="started it", background_tasks=[{"id": "1"}])
    show(ctx, job, "resting")
    ctx.tmux.watch_silence(job.name, 1)
    assert any(session.is_silent for _ in tries(5) for session in ctx.tmux.sessions())
    look_at_silent(ctx)
    silent = now(ctx, [job])[0]
    over = hear(ctx, job, "Stop", last_assistant_message="done", background_tasks=[])

    assert (busy.state, busy.message) == (JobState.RUNNING, "started it (a command of it still runs)")
    assert silent.state is JobState.RUNNING
    assert (over.state, over.message) == (JobState.REVIEW, "done")


def test_an_error_that_ends_the_turn_ends_the_agent(ctx: Context, shop: Path) -> None:
    hear(ctx, one(ctx, shop), "StopFailure", error="rate_limit", last_assistant_message="resets 3am")

    assert ended(ctx) == ["rate limit: resets 3am"]


@pytest.mark.parametrize(("title", "causes"), [("stub | dir", ["high demand"]), ("⠙ stub | dir", [])])
def test_a_failed_request_ends_an_agent_that_does_not_try_again(
    ctx: Context, shop: Path, title: str, causes: list[str]
) -> None:
    job = one(ctx, shop, "c")
    show(ctx, job, "Ask Codex to do anything", title)

    hear(ctx, job, "PostModelRequest", status="failed", error="high demand")
    set_timer(ctx, REST, job.attempt, -1)
    fire_due_timers(ctx)

    assert ended(ctx) == causes


def test_a_turn_that_ends_well_after_a_failed_request_is_no_failure(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop, "c")

    hear(ctx, job, "PostModelRequest", status="failed", error="high demand")
    over = hear(ctx, job, "Stop", last_assistant_message="done")

    assert ctx.ledger.next_timer(ctx.machine) is None or REST not in str(ctx.ledger.next_timer(ctx.machine))
    assert (over.state, ended(ctx), attempt_of(ctx, job).trouble) == (JobState.REVIEW, [], "")


@pytest.mark.parametrize(
    ("agent", "screen", "state", "question"),
    [
        ("l", "Is this a project you created or one you trust?", JobState.WAITING, "trust this folder?"),
        ("c", "Update available! 1 -> 2", JobState.WAITING, "an update of codex is offered"),
        ("g", "loading", JobState.RUNNING, ""),
    ],
)
def test_an_agent_that_says_nothing_at_its_start_is_looked_at(
    ctx: Context, shop: Path, agent: str, screen: str, state: JobState, question: str
) -> None:
    job = one(ctx, shop, agent)
    show(ctx, job, screen)

    set_timer(ctx, START, job.attempt, -1)
    left_s = fire_due_timers(ctx)

    [seen] = now(ctx, [job])
    assert (seen.state, seen.question) == (state, question)
    assert (left_s is not None) is (state is JobState.RUNNING)  # it is looked at again


def test_an_agent_without_a_login_is_ended_with_the_command_that_mends_it(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop, "c")
    show(ctx, job, "Sign in with ChatGPT")

    set_timer(ctx, START, job.attempt, -1)
    fire_due_timers(ctx)

    assert ended(ctx) == ["login needed: run codex login"]


def test_an_agent_that_took_its_prompt_is_not_looked_at_for_dialogs(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    set_timer(ctx, START, job.attempt, 60)

    hear(ctx, job, "UserPromptSubmit")

    assert ctx.ledger.next_timer(ctx.machine) is None


def test_silence_at_rest_in_the_middle_of_a_turn_is_an_interrupt(ctx: Context, shop: Path) -> None:
    job = one(ctx, shop)
    show(ctx, job, "resting", "✳ Claude Code")

    hear(ctx, job, "UserPromptSubmit")
    assert any(session.is_silent for _ in tries(5) for session in ctx.tmux.sessions())
    look_at_silent(ctx)

    [seen] = now(ctx, [job])
    assert (seen.state, seen.message, seen.finishes) == (JobState.REVIEW, "interrupted", Finishes.TURN)


def test_an_agent_that_is_not_installed_fails_with_the_command_that_installs_it(
    ctx: Context, shop: Path
) -> None:
    [job] = running(ctx, "c:1", "x", cwd=shop)

    handle_signal(ctx, Signal(job.attempt, 1, "exit", b"status=127\nsignal=\n"))

    [seen] = now(ctx, [job])
    assert (seen.state, seen.cause) == (
        JobState.FAILED,
        "codex is not installed: npm install -g @openai/codex",
    )


def test_a_question_holds_its_stage_no_longer_than_the_run_says(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "l:1", "x", cwd=shop, skip_waiting="5m")

    hear(ctx, job, "PermissionRequest", tool_name="Bash", tool_input={"command": "ls"})

    assert (ctx.ledger.next_timer(ctx.machine) or ("",))[0] == SKIP


def test_the_log_is_what_was_said_without_control_characters(
    ctx: Context, shop: Path, tmp_path: Path
) -> None:
    job = one(ctx, shop)
    transcript = tmp_path / "t.jsonl"
    entries = [
        {"type": "user", "message": {"role": "user", "content": "say\u001b[31m hello"}},
        {"type": "attachment", "message": {"role": "user", "content": "secret of the program"}},
        {"type": "user", "isMeta": True, "message": {"role": "user", "content": "a reminder"}},
        {
            "type": "assistant",
            "message": {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "name": "Bash", "input": {"command": "ls\n-l"}},
                    {"type": "text", "text": "done\u0007\nwell"},
                ],
            },
        },
    ]
    transcript.write_text("\n".join(map(json.dumps, entries)) + '\n{"type": "assis')

    hear(ctx, job, "SessionStart", source="startup", transcript_path=str(transcript))
    log = show_log(ctx, number=job.number)

    assert log["source"] == "transcript"
    assert log["text"] == '> say[31m hello\n  * Bash: {"command": "ls\\n-l"}\n\ndone\nwell'
