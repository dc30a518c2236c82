"""Tokens as the agents' transcripts tell them; the entries are those of the real programs, shortened."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from aios_app.agents import DEFAULT_AGENTS, DEMO_AGENT, Usage, module_for

AGENTS = {agent.name: agent for agent in (*DEFAULT_AGENTS, DEMO_AGENT)}


def usage(agent: str, *entries: dict[str, Any]) -> Usage:
    return module_for(AGENTS[agent]).usage([json.dumps(entry) + "\n" for entry in entries])


def codex(response: str, **tokens: int) -> dict[str, Any]:
    return {"type": "token_usage_record", "payload": {"response_id": response, "usage": tokens}}


def claude(message: str, cost: float | None = None, **tokens: int) -> dict[str, Any]:
    entry = {"type": "assistant", "message": {"id": message, "role": "assistant", "usage": tokens}}
    return entry if cost is None else entry | {"costUSD": cost}


def gemini(ident: str, **tokens: int) -> dict[str, Any]:
    return {"type": "gemini", "id": ident, "content": "", "tokens": tokens}


def test_codex_tells_the_tokens_of_each_answer_and_repeats_their_sums() -> None:
    sums = {"type": "token_count", "info": {"total_token_usage": {"input_tokens": 120, "output_tokens": 9}}}

    found = usage(
        "codex",
        codex("r1", input_tokens=100, cached_input_tokens=80, output_tokens=7, total_tokens=107),
        {"type": "event_msg", "payload": sums},
        codex("r2", input_tokens=20, cached_input_tokens=0, output_tokens=2, total_tokens=22),
        codex("r2", input_tokens=20, cached_input_tokens=0, output_tokens=2, total_tokens=22),
    )

    assert found == Usage(input=120, output=9, cached=80)


def test_claude_repeats_the_tokens_of_an_answer_with_each_of_its_parts() -> None:
    tokens = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 70,
        "output_tokens": 5,
    }

    found = usage("claude", claude("m1", **tokens), claude("m1", **tokens), claude("m2", input_tokens=1))

    assert found == Usage(input=101, output=5, cached=70)


def test_claude_tells_money_where_its_version_does() -> None:
    assert usage("claude", claude("m1", 0.1, input_tokens=1)).cost_usd == Decimal("0.1")
    assert usage("claude", claude("m1", 0.1), claude("m2", 0.2)).cost_usd == Decimal("0.3")
    assert usage("claude", claude("m1", input_tokens=1)).cost_usd is None


def test_gemini_writes_a_message_again_with_its_tools() -> None:
    tokens = {"input": 11, "output": 7, "cached": 4, "thoughts": 3, "tool": 2, "total": 23}

    assert usage("gemini", gemini("a", **tokens), gemini("a", **tokens)) == Usage(
        input=13, output=10, cached=4
    )


@pytest.mark.parametrize("agent", ["codex", "claude", "gemini", "demo", "htop"])
@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": "assistant", "message": {"usage": "many"}},
        {"type": "assistant", "message": {"usage": {"input_tokens": -5, "output_tokens": "7"}}},
        {"type": "token_usage_record", "payload": {"usage": [1]}},
        {"type": "gemini", "tokens": None},
    ],
)
def test_what_tells_of_no_tokens_costs_nothing(agent: str, entry: dict[str, Any]) -> None:
    found = usage(agent, entry)

    assert replace(found, cost_usd=None) == Usage()
