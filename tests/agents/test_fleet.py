"""The real codex, claude and gemini at work, for a stand-in model."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.services.end_job import CLOSE, marked_processes
from aios_app.stack.waiting import tries
from tests.agents.fleet import KEYS, NAMES, AgentStack
from tests.stub.script import digest

pytestmark = [pytest.mark.agents, pytest.mark.timeout(120)]

SLOW = "x\nstub: run trap '' HUP; touch begun; python3 -c 'import time; time.sleep(300)'"
AGAIN = "go on\nstub: run touch again"
HELLO = "say hello\nstub: run echo hi > hello.txt && git add -A && git commit -qm hello"
NASTY = (
    "-v --help 'q' \"d\" $(touch evil) `touch evil`\n"
    "\\n %s ; & | < > * ? ~ # {a,b}\ttab \u00e4\u20ac\U0001f600 end.\nstub: run true"
)

#: What a program may take for something else than a prompt; the last one is as long as many pages.
HEADS = ("", "!", "/tmp ", "@README.md ", "# ", "\x1b[31m\x07 ", "0123456789abcdef" * 6_000)


@pytest.fixture(scope="module")
def shop(stack: AgentStack) -> Path:
    """A saved project."""
    return stack.project("shop")


def all_specs(count: int = 1) -> list[str]:
    return [f"{key}:{count}" for key in KEYS]


def test_all_three_work_on_two_projects_one_after_another(stack: AgentStack) -> None:
    for name in ("one", "two"):
        stack.project(name)

    jobs = stack.until_over(
        stack.start("all", *all_specs(), "--seq", "--only", "one", "--only", "two", HELLO)
    )

    assert [(job.project, job.agent, job.state, job.cause) for job in jobs] == [
        (project, agent, JobState.REVIEW, "") for project in ("one", "two") for agent in NAMES
    ]
    assert max(job.finished_ms for job in jobs[:3]) <= min(job.started_ms for job in jobs[3:])
    for job in jobs:
        assert Path(job.worktree, "hello.txt").read_text() == "hi\n"
        assert stack.git(Path(job.worktree), "log", "-1", "--format=%s") == "hello"
        assert job.message == f"All done. sha256={digest(HELLO)}"
        assert Path(job.transcript).is_file()
        assert stack.states(job) == ["preparing", "running", "review"]
        log = stack.ok("logs", str(job.number))
        assert "> say hello" in log
        assert "  * " in log
        assert job.message in log
    assert len({job.conversation for job in jobs}) == 6


@pytest.mark.parametrize("head", HEADS)
def test_a_prompt_arrives_byte_for_byte(stack: AgentStack, shop: Path, head: str) -> None:
    prompt = head + NASTY
    words = ("multi", "shop", *all_specs(), "--prompt-file", "-")
    jobs = stack.until_over(stack.start(*words, stdin=prompt.encode()))

    taken = {
        "codex": f" {prompt}" if head == "!" else prompt,  # it would run a shell command
        "claude": prompt.replace("\x1b", "").replace("\x07", ""),  # what it makes of control characters
        "gemini": prompt,
    }
    assert {job.agent: job.message for job in jobs} == {
        agent: f"All done. sha256={digest(text)}" for agent, text in taken.items()
    }
    assert not any(Path(job.worktree, "evil").exists() for job in jobs)
    stack.ok("stop", f"r{jobs[0].run}")


@pytest.mark.parametrize("agent", KEYS)
def test_a_copy_that_is_to_exit_does_its_turn_and_ends(stack: AgentStack, shop: Path, agent: str) -> None:
    stack.ok("agents", "copy", agent, f"{agent}e", f"{agent}-once", "--finishes", "exit")

    [job] = stack.until(
        stack.start("multi", "shop", f"{agent}e:1", HELLO),
        lambda jobs: bool(jobs[0].finished_ms and not jobs[0].is_open),
    )

    assert (job.state, job.cause) == (JobState.REVIEW, "")
    assert Path(job.worktree, "hello.txt").read_text() == "hi\n"
    assert job.message == f"All done. sha256={digest(HELLO)}"
    assert marked_processes(job.attempt) == []


@pytest.mark.parametrize("agent", KEYS)
def test_a_prompt_that_is_sent_is_a_further_turn(stack: AgentStack, shop: Path, agent: str) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", f"{agent}:1", HELLO))

    stack.ok("send", "--wait", str(job.number), f"x {NASTY}")
    [again] = stack.jobs(job.run)

    assert again.state is JobState.REVIEW
    assert stack.states(job)[-3:] == ["review", "running", "review"]
    assert any(NASTY in entry["prompt"] for entry in stack.model.requests() if entry["turns"] == 2)


def test_stop_ends_the_agents_with_the_commands_that_they_run(stack: AgentStack, shop: Path) -> None:
    jobs = stack.jobs(stack.start("multi", "shop", *all_specs(), SLOW))
    await_files(jobs, "begun")

    stack.ok("stop", f"r{jobs[0].run}")
    stopped = stack.until_all(jobs[0].run, JobState.STOPPED)

    assert [marked_processes(job.attempt) for job in stopped] == [[], [], []]
    assert [job.note for job in stopped] == ["", "", ""]


def test_an_agent_that_is_killed_leaves_no_command_behind(stack: AgentStack, shop: Path) -> None:
    jobs = stack.jobs(stack.start("multi", "shop", *all_specs(), SLOW))
    await_files(jobs, "begun")

    for job in jobs:
        stack.tmux.kill_session(job.name)
    ended = stack.until_all(jobs[0].run, JobState.STOPPED)

    assert all(any(not marked_processes(job.attempt) for _ in tries(10)) for job in ended)


def test_what_a_command_left_in_the_background_is_named(stack: AgentStack, shop: Path) -> None:
    prompt = "x\nstub: run setsid -f sleep 300 >/dev/null 2>&1 </dev/null; touch begun"
    [job] = stack.until_over(stack.start("multi", "shop", "c:1", prompt))

    stack.ok("stop", str(job.number))
    [stopped] = stack.until(job.run, lambda jobs: bool(jobs[0].note))

    [left] = marked_processes(job.attempt)
    assert stopped.note.startswith(f"still running: sleep ({left.pid})")
    left.kill()


@pytest.mark.parametrize("agent", KEYS)
def test_a_closed_agent_comes_back_with_its_conversation(stack: AgentStack, shop: Path, agent: str) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", f"{agent}:1", HELLO))
    stack.queue.send_end(job, CLOSE)
    stack.until(job.run, lambda jobs: not jobs[0].is_open)

    with stack.terminal("attach", str(job.number)):
        stack.until(job.run, lambda jobs: jobs[0].is_open and jobs[0].attempt_no == 2)
        stack.await_screen(job, "All done")
    assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
    stack.ok("send", "--wait", str(job.number), AGAIN)
    [again] = stack.jobs(job.run)

    assert again.conversation == job.conversation
    assert again.message == f"All done. sha256={digest(AGAIN)}"
    [entry, *_] = [entry for entry in stack.model.requests() if entry["sha256"] == digest(AGAIN)]
    assert entry["turns"] == 2


def test_twelve_agents_at_once_all_finish_each_with_its_own_signals(stack: AgentStack, shop: Path) -> None:
    jobs = stack.until_over(stack.start("multi", "shop", *all_specs(4), HELLO))

    assert Counter((job.agent, job.state.value) for job in jobs) == {(name, "review"): 4 for name in NAMES}
    assert len({job.conversation for job in jobs}) == len({job.transcript for job in jobs}) == 12
    for job in jobs:
        assert Path(job.worktree).name in Path(job.transcript).read_text()
        assert Path(job.worktree, "hello.txt").exists()
    stack.ok("stop", f"r{jobs[0].run}")


def test_what_agents_say_while_the_worker_is_dead_is_read_when_it_is_back(
    stack: AgentStack, shop: Path
) -> None:
    jobs = stack.jobs(stack.start("multi", "shop", *all_specs(), "x\nstub: hold back\nstub: run touch done"))
    stack.until(jobs[0].run, lambda now: all(job.transcript for job in now))
    await_requests(stack, "hold back", 3)

    os.kill(stack.worker_pid(), signal.SIGKILL)
    stack.model.release("back")
    jobs = stack.until_over(jobs[0].run)

    assert [(job.state, job.turns) for job in jobs] == [(JobState.REVIEW, 1)] * 3
    assert all(Path(job.worktree, "done").exists() for job in jobs)


@pytest.mark.parametrize("agent", KEYS)
def test_an_error_of_the_api_is_a_failure_with_its_cause(stack: AgentStack, shop: Path, agent: str) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", f"{agent}:1", "x\nstub: fail 400"))

    assert job.state is JobState.FAILED
    assert "400" in job.cause
    assert not job.is_open


@pytest.mark.parametrize("agent", KEYS)
def test_an_interrupted_agent_is_for_review(stack: AgentStack, shop: Path, agent: str) -> None:
    stack.hurry(agent)
    [job] = stack.jobs(stack.start("multi", "shop", f"{agent}:1", f"x\nstub: hold {agent}-never"))
    await_requests(stack, f"hold {agent}-never", 1)

    stack.press(job, "Escape")
    [job] = stack.until_over(job.run)

    assert (job.state, job.message) == (JobState.REVIEW, "interrupted")


@pytest.mark.parametrize("agent", ["l", "g"])
def test_a_question_is_shown_and_its_answer_goes_on(stack: AgentStack, shop: Path, agent: str) -> None:
    prompt = f"x {agent}\nstub: ask Which one of them?"
    [job] = stack.jobs(stack.start("multi", "shop", f"{agent}:1", prompt))

    [asked] = stack.until(job.run, lambda jobs: jobs[0].state is JobState.WAITING)
    stack.await_screen(job, "Alpha")
    stack.press(job, "Enter")
    [done] = stack.until(job.run, lambda jobs: jobs[0].state is JobState.REVIEW)

    assert asked.question == "Which one of them?"
    assert done.message == f"All done. sha256={digest(prompt)}"


@pytest.mark.parametrize(
    ("agent", "before", "login"),
    [
        ("c", ("env", "CODEX_HOME={empty}"), "login needed: run codex login"),
        ("l", ("env", "-u", "ANTHROPIC_AUTH_TOKEN"), "login needed: run claude, then /login"),
        ("g", ("env", "GEMINI_CLI_HOME={empty}"), "login needed: run gemini, then /auth"),
    ],
)
def test_an_agent_without_a_login_fails_soon_and_says_so(
    stack: AgentStack, shop: Path, agent: str, before: tuple[str, ...], login: str
) -> None:
    empty = stack.root / f"empty-{agent}"
    empty.mkdir()
    key = stack.variant(agent, tuple(word.format(empty=empty) for word in before))

    [job] = stack.until_over(stack.start("multi", "shop", f"{key}:1", "x"))

    assert (job.state, job.cause) == (JobState.FAILED, login)
    assert job.finished_ms - job.started_ms < 15_000


def test_a_turn_is_over_when_the_agent_says_so_and_not_its_helper(stack: AgentStack, shop: Path) -> None:
    prompt = "x\nstub: delegate look around\nstub: run sleep 3"
    [job] = stack.until_over(stack.start("multi", "shop", "c:1", prompt))

    sessions = (stack.root / "home/.codex/sessions").rglob("*.jsonl")
    files = [path for path in sessions if Path(job.worktree).name in path.read_text()]
    assert len(files) == 2
    assert (job.turns, job.message) == (1, f"All done. sha256={digest(prompt)}")
    assert job.conversation in Path(job.transcript).name


def test_the_doctor_knows_their_versions_and_logins(stack: AgentStack) -> None:
    lines = [line.split(maxsplit=2) for line in stack.run("doctor").stdout.splitlines()]
    said = {name: [words for mark, who, words in lines if (mark, who) == ("ok", name)] for name in NAMES}

    assert {name: len(found) for name, found in said.items()} == dict.fromkeys(NAMES, 2)
    assert all(found[1] == "logged in" for found in said.values())


def test_the_folders_of_the_person_are_as_before(stack: AgentStack, shop: Path) -> None:
    stack.until_over(stack.start("multi", "shop", *all_specs(), HELLO))

    config = (stack.root / "home/.codex/config.toml").read_text()
    assert "AIOS" not in config
    assert "trust_level" not in config
    assert "AIOS" not in (stack.root / "home/.gemini/settings.json").read_text()
    assert not (stack.root / "home/.claude/settings.json").exists()


def await_files(jobs: list[Job], name: str) -> None:
    """Waits until the commands of all agents have made this file."""
    for job in jobs:
        assert any(Path(job.worktree, name).exists() for _ in tries(40))


def await_requests(stack: AgentStack, words: str, count: int) -> None:
    """Waits until so many requests with these words have come."""

    def seen() -> int:
        return len({entry["api"] for entry in stack.model.requests() if words in entry["prompt"]})

    assert any(seen() == count for _ in tries(40))
