"""Typing into running agents, answering them, closing and resuming them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def resting(stack: Stack, *, count: int = 1) -> list[Job]:
    """Agents whose first turn is over."""
    return stack.until_all(stack.start("multi", "shop", f"d:{count}", QUICK), JobState.REVIEW)


def asking(stack: Stack, question: str) -> Job:
    """An agent that asks this."""
    run = stack.start("multi", "shop", "d:1", f"hello\ndemo: seconds 0.1\ndemo: ask {question}")
    return stack.until_all(run, JobState.WAITING)[0]


def test_a_text_is_a_further_turn_of_each_job(stack: Stack, shop: Path) -> None:
    jobs = resting(stack, count=2)

    said = stack.ok("send", f"r{jobs[0].run}", "second\ndemo: seconds 0.2\nthe 'third' $(line)", "--wait")

    jobs = stack.jobs(jobs[0].run)
    assert [(job.turns, job.prompts, job.state) for job in jobs] == [(2, 1, JobState.REVIEW)] * 2
    assert all(f"#{job.number} delivered\n" in said for job in jobs)
    assert all(f"#{job.number} review" in said for job in jobs)
    assert "second" in jobs[0].message


def test_a_turn_that_was_sent_takes_the_job_from_review_to_running(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)

    answer = json.loads(stack.ok("send", str(job.number), "again\ndemo: seconds 50", "--json"))

    assert answer["results"][0]["job"]["state"] == "running"
    stack.ok("stop", str(job.number))


def test_a_text_without_enter_stays_in_the_input_and_is_not_added_to(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)

    left = stack.ok("send", str(job.number), "half a thought", "--no-enter")
    with stack.terminal("attach", str(job.number)) as terminal:
        terminal.read_until("half a thought")
        refused = stack.run("send", str(job.number), "another")

    assert left == f"#{job.number} in its input, not submitted\n"
    assert (refused.returncode, "somebody is typing there" in refused.stderr) == (1, True)
    assert stack.job(job.number).turns == 1


def test_what_a_person_has_typed_and_left_is_not_added_to(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)

    with stack.terminal("attach", str(job.number)) as terminal:
        terminal.read_until("demo> ")
        terminal.type("my own draft")
        terminal.read_until("my own draft")
    assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
    refused = stack.run("send", str(job.number), "another")

    assert (refused.returncode, "somebody is typing there" in refused.stderr) == (1, True)
    assert "another" not in stack.tmux.capture(job.name)


def test_one_who_only_looked_keeps_nothing_back(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)

    with stack.terminal("attach", str(job.number), "--read-only") as terminal:
        terminal.read_until("demo> ")
        said = stack.ok("send", str(job.number), QUICK, "--wait")

    assert "delivered" in said


def test_keys_are_pressed(stack: Stack, shop: Path) -> None:
    job = stack.until_all(stack.start("multi", "shop", "d:1", "x\ndemo: seconds 50"), JobState.RUNNING)[0]
    assert any("[1/4]" in stack.tmux.capture(job.name) for _ in tries(10))

    said = stack.ok("send", str(job.number), "--keys", "C-c")

    assert said == f"#{job.number} keys delivered\n"
    assert any("interrupted" in stack.tmux.capture(job.name) for _ in tries(5))
    assert stack.run("send", str(job.number), "--keys", "a b; kill-server").returncode == 2
    stack.ok("stop", str(job.number))


def test_a_program_that_says_nothing_itself_is_proven_by_its_screen(stack: Stack, shop: Path) -> None:
    stack.ok("agents", "add", "rd", "reader", "--finishes", "silence", "--idle-after", "1",
             "--", "sh", "-c", "while read -r line; do echo \"got <$line>\"; done")  # fmt: skip
    [job] = stack.until_all(stack.start("multi", "shop", "rd:1", "x"), JobState.REVIEW)

    said = stack.ok("send", str(job.number), "a line", "--wait")

    assert "got <a line>" in stack.tmux.capture(job.name)
    assert f"#{job.number} delivered" in said
    assert stack.job(job.number).turns == 2


def test_a_closed_agent_comes_back_for_a_text_with_its_conversation(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)
    stack.ok("config", "idle_close", "1s")
    try:
        [resumed] = resting(stack)
        [resumed] = stack.until(resumed.run, lambda jobs: not jobs[0].is_open)
    finally:
        stack.ok("config", "idle_close", "30m")

    said = stack.ok("send", str(resumed.number), QUICK, "--wait")

    assert resumed.state is JobState.REVIEW
    assert stack.job(job.number).is_open
    assert "delivered" in said
    now = stack.job(resumed.number)
    assert (now.turns, now.attempt_no, now.conversation) == (2, 2, resumed.conversation)
    assert "going on where we stopped" in stack.tmux.capture(now.name)


def test_an_agent_with_a_draft_is_not_closed_for_its_rest(stack: Stack, shop: Path) -> None:
    stack.ok("config", "idle_close", "2s")
    try:
        [job] = resting(stack)
        with stack.terminal("attach", str(job.number)) as terminal:
            terminal.read_until("demo> ")
            terminal.type("my draft")
            terminal.read_until("my draft")
        assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
        [other] = resting(stack)
        stack.until(other.run, lambda jobs: not jobs[0].is_open)
    finally:
        stack.ok("config", "idle_close", "30m")

    assert stack.job(job.number).is_open
    assert "my draft" in stack.tmux.capture(job.name)


def test_jobs_that_cannot_be_typed_into_are_named_and_the_others_get_it(stack: Stack, shop: Path) -> None:
    [good] = resting(stack)
    [ended] = stack.until_over(stack.start("multi", "shop", "d:1", "x\ndemo: seconds 0.1\ndemo: exit 7"))

    done = stack.run("send", str(good.number), str(ended.number), QUICK)

    assert done.returncode == 1
    assert f"#{good.number} delivered" in done.stdout
    assert f"#{ended.number} not delivered: #{ended.number} is failed (exited 7)" in done.stderr


def test_a_question_is_answered_by_a_pattern_and_a_dangerous_one_is_not(stack: Stack, shop: Path) -> None:
    nothing = stack.run("answer", str(asking(stack, "Go on? [y/N]").number))
    stack.ok("config", "answers", "go on? = y\n* = yes")

    harmless, dangerous = asking(stack, "Go on? [y/N]"), asking(stack, "Go on and delete it? [y/N]")
    answered = stack.run("answer", str(harmless.number))
    refused = stack.run("watch", str(dangerous.number), "1", "--always")

    assert nothing.returncode == 2
    assert answered.returncode == 0, answered.stderr
    assert f"#{harmless.number} answered: y" in answered.stdout
    assert stack.until_over(harmless.run)[0].state is JobState.REVIEW
    assert (refused.returncode, "this is for you: it names 'delet'" in refused.stderr) == (1, True)
    assert stack.job(dangerous.number).state is JobState.WAITING


def test_a_question_that_comes_later_is_answered_when_it_comes(stack: Stack, shop: Path) -> None:
    stack.ok("config", "answers", "go on? = y")
    run = stack.start("multi", "shop", "d:1", "hello\ndemo: seconds 1\ndemo: ask Go on? [y/N]")
    [job] = stack.jobs(run)

    watching = stack.ok("answer", str(job.number), "--always")

    assert f"#{job.number} answered: y" in watching
    assert stack.until_over(run)[0].state is JobState.REVIEW


def test_what_a_dead_tmux_server_has_ended_is_resumed_a_few_at_a_time(stack: Stack, shop: Path) -> None:
    stack.ok("x", "-y")
    run = stack.start("multi", "shop", "d:4", "hello\ndemo: seconds 50")
    jobs = stack.until(run, lambda jobs: all(j.state is JobState.RUNNING and j.conversation for j in jobs))
    subprocess.run(["tmux", "-S", str(stack.settings.tmux_socket), "kill-server"], check=True)
    stack.until(run, lambda jobs: all(job.cause == "session lost" for job in jobs))

    unasked = stack.run("resume", "--all")
    said = stack.ok("resume", "--all", "-y")

    assert unasked.returncode == 3
    assert "Start 4 agents, 3 at a time" in unasked.stderr
    after = stack.jobs(run)
    assert [(job.state, job.is_open, job.attempt_no) for job in after] == [(JobState.REVIEW, True, 2)] * 4
    assert [job.conversation for job in after] == [job.conversation for job in jobs]
    assert all(f"#{job.number} is back" in said for job in jobs)
    assert "going on where we stopped" in stack.ok("logs", str(jobs[0].number))
    assert stack.ok("resume", "--all", "-y") == "nothing to resume\n"


def test_a_stopped_agent_is_resumed_and_one_without_a_conversation_is_not(stack: Stack, shop: Path) -> None:
    [job] = resting(stack)
    stack.ok("stop", str(job.number))
    stack.ok("agents", "add", "ex", "exiting", "--", "sh", "-c", "exit 3")
    [other] = stack.until_over(stack.start("multi", "shop", "ex:1", "x"))

    done = stack.run("resume", str(job.number), str(other.number))

    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [f"#{job.number} is back   next: aios attach {job.number}"],
    )
    assert f"#{other.number} has no conversation to go on with" in done.stderr
    assert stack.job(job.number).is_open
