"""What the real codex, claude and gemini tell of their tokens, and of a rate limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.agents.fleet import KEYS, NAMES, AgentStack

pytestmark = [pytest.mark.agents, pytest.mark.timeout(120)]

HELLO = "say hello\nstub: run touch hello"


@pytest.fixture(scope="module")
def shop(stack: AgentStack) -> Path:
    """A saved project."""
    return stack.project("shop")


def test_tokens_are_those_of_the_requests_that_the_model_got(stack: AgentStack, shop: Path) -> None:
    specs = [f"{key}:1" for key in KEYS]
    jobs = stack.until_over(stack.start("multi", "shop", *specs, HELLO))

    jobs = stack.until(jobs[0].run, lambda now: all(job.tokens_out == 14 for job in now))

    # the stand-in says of each request that it took 11 tokens and its answer 7
    assert [(job.agent, job.tokens_in, job.tokens_out, job.cost_usd) for job in jobs] == [
        (name, 22, 14, "") for name in NAMES
    ]


@pytest.mark.parametrize("agent", KEYS)
def test_a_rate_limit_parks_the_agent(stack: AgentStack, shop: Path, agent: str) -> None:
    name = NAMES[KEYS.index(agent)]
    if agent == "g":
        stack.hurry(agent)  # it says nothing of a limit but on its screen
    [job] = stack.until_over(stack.start("multi", "shop", f"{agent}:1", "x\nstub: fail 429"))

    assert job.state is JobState.FAILED
    assert f"{name} is rate-limited until " in stack.ok("status")
