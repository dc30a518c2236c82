"""The real codex, claude and gemini in a person's own directory: typed into, closed, resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from aios_app.stack.waiting import tries
from tests.agents.fleet import KEYS, AgentStack

pytestmark = [pytest.mark.agents, pytest.mark.timeout(120)]


def folder(stack: AgentStack, name: str) -> Path:
    """A directory inside of a repository."""
    path = stack.root / name / "sub"
    path.mkdir(parents=True)
    stack.git(path.parent, "init", "-q")
    return path


def sent(stack: AgentStack, number: int, file: str) -> str:
    """What came of a turn that makes this file."""
    return stack.ok("send", str(number), f"make it, 'now' $(x)\nstub: run touch {file}", "--wait")


@pytest.mark.parametrize("agent", KEYS)
def test_an_agent_in_a_directory_takes_prompts_is_closed_and_comes_back(
    stack: AgentStack, agent: str
) -> None:
    here = folder(stack, f"own-{agent}")
    (stack.root / "own.md").write_text("the default\nstub: run touch of-default")
    stack.ok("prompt", agent, "--file", str(stack.root / "own.md"))

    draft = json.loads(stack.ok(f"{agent}p", "--json", cwd=here))
    number, run = draft["job"]["number"], draft["job"]["run"]
    stack.ok("send", str(number), "--keys", "Enter")
    stack.until(run, lambda jobs: jobs[0].turns == 1)
    again = json.loads(stack.ok(agent, "go on\nstub: run touch reused", "--json", cwd=here))
    [job] = stack.until(run, lambda jobs: jobs[0].turns == 2)
    stack.ok("config", "idle_close", "1s")
    sent(stack, number, "before")
    stack.until(run, lambda jobs: not jobs[0].is_open)
    stack.ok("config", "idle_close", "30m")
    sent(stack, number, "after")

    assert draft["delivery"]["message"] == "in its input, not submitted"
    assert (again["is_new"], again["job"]["number"]) == (False, number)
    assert {path.name for path in here.iterdir()} >= {"of-default", "reused", "before", "after"}
    assert stack.job(number).conversation == job.conversation


@pytest.mark.parametrize("agent", KEYS)
def test_a_persons_draft_is_not_added_to_and_who_only_looked_left_none(stack: AgentStack, agent: str) -> None:
    here = folder(stack, f"draft-{agent}")
    answer = json.loads(stack.ok(agent, "begin\nstub: run touch begun", "--json", cwd=here))
    number, run = answer["job"]["number"], answer["job"]["run"]
    [job] = stack.until_all(run, JobState.REVIEW)

    with stack.terminal("attach", str(number)) as terminal:
        terminal.read_until("leave:")
    assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
    looked = sent(stack, number, "looked")
    with stack.terminal("attach", str(number)) as terminal:
        terminal.read_until("leave:")
        terminal.type("my own draft")
        assert any("my own draft" in stack.tmux.capture(job.name) for _ in tries(10))
    assert any(stack.sessions([job])[0].attached == 0 for _ in tries(10))
    refused = stack.run("send", str(number), "xyzzy")

    assert f"#{number} delivered" in looked
    assert (refused.returncode, "somebody is typing there" in refused.stderr) == (1, True)
    assert "xyzzy" not in stack.tmux.capture(job.name)


def test_a_stopped_agent_is_resumed_with_its_conversation(stack: AgentStack) -> None:
    numbers = {}
    for agent in KEYS:
        here = folder(stack, f"stopped-{agent}")
        numbers[agent] = json.loads(stack.ok(agent, "x\nstub: run true", "--json", cwd=here))["job"]["number"]
    before = {n: stack.until_all(stack.job(n).run, JobState.REVIEW)[0].conversation for n in numbers.values()}
    stack.ok("stop", *map(str, before))

    stack.ok("resume", *map(str, before))

    for number, conversation in before.items():
        assert "delivered" in sent(stack, number, "resumed")
        assert (stack.job(number).conversation, stack.job(number).attempt_no) == (conversation, 2)
        assert Path(stack.job(number).worktree, "resumed").exists()
