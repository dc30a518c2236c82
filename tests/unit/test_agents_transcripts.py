from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEFAULT_AGENTS, DEMO_AGENT, Ready, module_for
from aios_app.domain.models import Agent

CODEX, CLAUDE, GEMINI, HTOP, _ = DEFAULT_AGENTS


def rendered(agent: Agent, *entries: Any) -> list[str]:
    return [line for line in module_for(agent).render(map(json.dumps, entries)) if line]


def test_a_transcript_of_codex_is_prompt_tools_and_message() -> None:
    def item(**fields: Any) -> dict[str, Any]:
        return {"type": "response_item", "payload": fields}

    said = [
        {"type": "session_meta", "payload": {"id": "x"}},
        item(type="message", role="developer", content=[{"type": "input_text", "text": "You are Codex"}]),
        item(
            type="message",
            role="user",
            content=[{"type": "input_text", "text": "<environment_context>\n  <cwd>/x"}],
        ),
        item(type="message", role="user", content=[{"type": "input_text", "text": "say hello"}]),
        item(type="function_call", name="shell", arguments='{"command":\n ["ls"]}'),
        item(type="custom_tool_call", name="exec", input="text(1);\n"),
        item(type="custom_tool_call_output", output=[{"type": "input_text", "text": "long"}]),
        item(type="message", role="assistant", content=[{"type": "output_text", "text": "done"}]),
    ]

    assert rendered(CODEX, *said) == [
        "> say hello",
        '  * shell: {"command": ["ls"]}',
        "  * exec: text(1);",
        "done",
    ]


def test_a_transcript_of_claude_is_prompt_tools_and_message() -> None:
    tool = {"type": "tool_use", "name": "Bash", "input": {"command": "ls"}}
    said = [
        {"type": "mode", "mode": "normal"},
        {"type": "user", "message": {"role": "user", "content": "say hello"}},
        {"type": "assistant", "message": {"role": "assistant", "content": [tool]}},
        {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "x"}]}},
        {"type": "user", "isMeta": True, "message": {"role": "user", "content": "a reminder"}},
        {
            "type": "assistant",
            "isSidechain": True,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "of a subagent"}]},
        },
        {
            "type": "assistant",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
        },
    ]

    assert rendered(CLAUDE, *said) == ["> say hello", '  * Bash: {"command": "ls"}', "done"]


def test_a_transcript_of_gemini_shows_a_message_once_with_the_tools_that_it_used() -> None:
    call = {"name": "run_shell_command", "args": {"command": "ls"}}
    said = [
        {"sessionId": "x", "kind": "main"},
        {"$set": {"messages": [{"type": "user", "content": [{"text": "<session_context>"}]}]}},
        {"id": "1", "type": "user", "content": [{"text": "say hello"}]},
        {"id": "2", "type": "gemini", "content": "let me look"},
        {"id": "2", "type": "gemini", "content": "let me look", "toolCalls": [call]},
        {"id": "3", "type": "user", "content": [{"functionResponse": {"name": "run_shell_command"}}]},
        {"id": "4", "type": "gemini", "content": "done"},
    ]

    assert rendered(GEMINI, *said) == [
        "> say hello",
        "let me look",
        '  * run_shell_command: {"command": "ls"}',
        "done",
    ]


@pytest.mark.parametrize("agent", [CODEX, CLAUDE, GEMINI, HTOP, DEMO_AGENT])
@pytest.mark.parametrize(
    "line",
    [
        "",
        "no json",
        "7",
        "[]",
        '{"type": "response_item", "payload": 7}',
        '{"type": "response_item", "payload": {"type": "message", "role": "user", "content": [7]}}',
        '{"type": "user", "message": {"role": "user", "content": [7, {"type": "text", "text": 7}]}}',
        '{"type": "gemini", "content": {"text": 7}, "toolCalls": [7]}',
    ],
)
def test_what_no_transcript_should_hold_is_left_out(agent: Agent, line: str) -> None:
    assert list(module_for(agent).render([line])) == []


def needs(agent: Agent, home: Path, **environ: str) -> list[tuple[bool | None, str]]:
    found: list[Ready] = list(module_for(agent).ready(home, environ))
    return [(need.ok, need.mend) for need in found]


@pytest.mark.parametrize(
    ("agent", "mend"),
    [(CODEX, "codex login"), (CLAUDE, "claude, then /login"), (GEMINI, "gemini, then /auth")],
)
def test_who_is_not_logged_in_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: Agent, mend: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")

    assert needs(agent, tmp_path) == [(False, mend)]


@pytest.mark.parametrize(
    ("agent", "name", "text", "environ"),
    [
        (CODEX, ".codex/auth.json", "{}", {}),
        (CODEX, ".codex/config.toml", 'model_provider = "mine"', {}),
        (CLAUDE, ".claude/.credentials.json", "{}", {}),
        (CLAUDE, "x", "", {"ANTHROPIC_API_KEY": ""}),
        (GEMINI, ".gemini/settings.json", '{"selectedType": "gemini-api-key"}', {"GEMINI_API_KEY": ""}),
    ],
)
def test_a_login_is_found_where_the_program_keeps_it(
    tmp_path: Path, agent: Agent, name: str, text: str, environ: dict[str, str]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)

    assert needs(agent, tmp_path, **environ) == [(True, "")]


def test_programs_without_an_account_need_none(tmp_path: Path) -> None:
    assert needs(HTOP, tmp_path) == needs(DEMO_AGENT, tmp_path) == []
