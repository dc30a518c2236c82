from __future__ import annotations

import json
import os
import sys
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import (
    DEFAULT_AGENTS,
    DEFAULT_PROMPT,
    DEMO_AGENT,
    FOUNDING_TEMPLATES,
    Heard,
    Place,
    install_check,
    module_for,
)
from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent, Finishes

CODEX, CLAUDE, GEMINI, HTOP, TOP = DEFAULT_AGENTS
GENERIC = replace(CODEX, kind="generic", name="mine", argv=("mine", "--fast"))
PROMPT = "-n 'fix' $(touch x)\n"
PLACE = Place(
    attempt_dir=Path("/data/jobs/7/a"),
    worktree=Path('/trees/a "b'),
    repository=Path("/code/shop"),
    attempt="3f0c8a52-8a4e-4d6b-9d8e-1f7d3a1c2b00",
)
NEW = PLACE.attempt


def argv(
    agent: Agent, prompt: str, *, conversation: str = "", extra: tuple[str, ...] = ()
) -> tuple[str, ...]:
    launch = module_for(agent).launch(
        agent, prompt=prompt, place=PLACE, conversation=conversation, extra_args=extra
    )
    assert launch.argv[: len(agent.argv)] == agent.argv
    words = launch.argv[len(agent.argv) :]
    return words[words.index("-x") :] if extra else words


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CODEX, ("-x", "--", PROMPT)),
        (CLAUDE, ("-x", "--session-id", NEW, "--", PROMPT)),
        (GEMINI, ("-x", f"--session-id={NEW}", f"--prompt-interactive={PROMPT}")),
        (replace(CODEX, finishes=Finishes.EXIT), ("-x", "exec", "--", PROMPT)),
        (replace(GEMINI, finishes=Finishes.EXIT), ("-x", f"--session-id={NEW}", f"--prompt={PROMPT}")),
        (DEMO_AGENT, ("-x", "--", PROMPT)),
        (GENERIC, ("-x", PROMPT)),
        (HTOP, ("-x",)),
    ],
)
def test_the_prompt_stands_where_the_agent_takes_it_unchanged(agent: Agent, words: tuple[str, ...]) -> None:
    assert argv(agent, PROMPT, extra=("-x",)) == words


@pytest.mark.parametrize(
    ("agent", "alone", "with_prompt"),
    [
        (CODEX, ("resume", "--", "id-1"), ("resume", "--", "id-1", PROMPT)),
        (CLAUDE, ("--resume", "id-1"), ("--resume", "id-1", "--", PROMPT)),
        (GEMINI, ("--resume=id-1",), ("--resume=id-1", f"--prompt-interactive={PROMPT}")),
        (DEMO_AGENT, ("--resume", "id-1"), ("--resume", "id-1", "--", PROMPT)),
    ],
)
def test_a_conversation_is_resumed_with_and_without_a_prompt(
    agent: Agent, alone: tuple[str, ...], with_prompt: tuple[str, ...]
) -> None:
    assert argv(agent, "", conversation="id-1", extra=("-x",)) == ("-x", *alone)
    assert argv(agent, PROMPT, conversation="id-1", extra=("-x",)) == ("-x", *with_prompt)


@pytest.mark.parametrize("agent", [HTOP, TOP, DEMO_AGENT, GENERIC])
def test_without_prompt_and_conversation_nothing_is_added(agent: Agent) -> None:
    assert argv(agent, "") == ()


@pytest.mark.parametrize(
    ("agent", "chosen"), [(CODEX, ""), (CLAUDE, NEW), (GEMINI, NEW), (DEMO_AGENT, ""), (GENERIC, "")]
)
def test_who_takes_an_id_for_its_conversation_is_told_one(agent: Agent, chosen: str) -> None:
    launch = module_for(agent).launch(agent, prompt="x", place=PLACE)

    assert launch.conversation == chosen
    assert module_for(agent).launch(agent, prompt="", place=PLACE, conversation="old").conversation == (
        "" if agent is GENERIC else "old"
    )


@pytest.mark.parametrize("agent", [CODEX, CLAUDE, GEMINI, DEMO_AGENT])
@pytest.mark.parametrize("conversation", ["--help", "a b", "$(x)", "x" * 200, "a\n"])
def test_a_conversation_that_could_be_an_option_is_refused(agent: Agent, conversation: str) -> None:
    with pytest.raises(BadValue, match="not the id of a conversation"):
        argv(agent, "", conversation=conversation)


def test_an_agent_that_is_to_exit_does_one_turn_without_its_terminal_program() -> None:
    assert "--print" not in argv(CLAUDE, PROMPT)
    assert argv(replace(CLAUDE, finishes=Finishes.EXIT), PROMPT)[0] == "--print"
    resumed = argv(replace(CODEX, finishes=Finishes.EXIT), PROMPT, conversation="a1", extra=("-x",))
    assert resumed == ("-x", "exec", "resume", "--", "a1", PROMPT)


def test_codex_does_not_run_a_prompt_as_a_shell_command() -> None:
    assert argv(CODEX, "!rm -rf .")[-2:] == ("--", " !rm -rf .")


def test_claude_works_without_approvals_for_root_too() -> None:
    environment = module_for(CLAUDE).launch(CLAUDE, prompt="x", place=PLACE).environment

    assert environment.get("IS_SANDBOX") == ("1" if os.geteuid() == 0 else None)


def test_gemini_runs_as_one_process_that_trusts_its_worktree() -> None:
    environment = module_for(GEMINI).launch(GEMINI, prompt="x", place=PLACE).environment

    assert environment["GEMINI_CLI_NO_RELAUNCH"] == environment["GEMINI_CLI_TRUST_WORKSPACE"] == "true"


@pytest.mark.parametrize(
    ("screen", "state", "question"),
    [
        ("", "review", ""),
        ("all done\n\n> \n", "review", ""),
        ("a question? yes\nanswered\n", "review", ""),
        ("compiling\nProceed? [y/N]  \n\n\n", "waiting", "Proceed? [y/N]"),
        ("Overwrite the file (y/n):", "waiting", "Overwrite the file (y/n):"),
        ("What is the name?", "waiting", "What is the name?"),
        ("[sudo] password for ann: ", "waiting", "[sudo] password for ann:"),
        ("Enter passphrase for key '/k':", "waiting", "Enter passphrase for key '/k':"),
    ],
)
def test_a_last_line_that_asks_means_waiting(screen: str, state: str, question: str) -> None:
    look = module_for(GENERIC).look(screen)

    assert (look.state, look.text) == (state, question)


@pytest.mark.parametrize(
    ("agent", "line"),
    [
        (CODEX, "• Working (11s • esc to interrupt)"),
        (CLAUDE, "  esc to interrupt"),
        (GEMINI, "Thinking... (esc to cancel, 8s)"),
    ],
)
def test_an_agent_that_says_that_it_works_is_running(agent: Agent, line: str) -> None:
    assert module_for(agent).look(f"text\n{line}\n\n> ready?\n").state == "running"
    assert module_for(GENERIC).look(f"{line}\n").state == "review"


@pytest.mark.parametrize(
    ("agent", "screen", "state", "text"),
    [
        (CODEX, "Welcome\n> 1. Sign in with ChatGPT\n  2. Provide your own API key", "failed", "codex login"),
        (CODEX, "Do you trust the contents of this directory?\n> 1. Yes", "waiting", "trust"),
        (CODEX, "Update available! 0.169.0 -> 0.170.0\n> 1. Update now", "waiting", "update"),
        (CLAUDE, "> x\n Not logged in · Please run /login\n>", "failed", "/login"),
        (CLAUDE, "Is this a project you created or one you trust?\n> 1. Yes", "waiting", "trust"),
        (GEMINI, "How would you like to authenticate for this project?", "failed", "/auth"),
        (GEMINI, "hi\n > x\n✕ [API Error: quota]\n *   Type your message", "failed", "[API Error: quota]"),
        (GEMINI, "\n > x\n✕ [API Error: quota]\n > y\n✦ Done.\n *   Type your message", "review", ""),
    ],
)
def test_a_dialog_in_the_way_is_seen(agent: Agent, screen: str, state: str, text: str) -> None:
    look = module_for(agent).look(screen)

    assert look.state == state
    assert text in look.text


@pytest.mark.parametrize(
    ("agent", "working", "resting"),
    [
        (CODEX, "⠙ stub | dir", "stub | dir"),
        (CLAUDE, "◐ Claude Code", "✳ Claude Code"),
        (GEMINI, "✦  Working… (dir)", "◇  Ready (dir)"),
    ],
)
def test_the_title_says_whether_an_agent_works(agent: Agent, working: str, resting: str) -> None:
    assert module_for(agent).look("", working).state == "running"
    assert module_for(agent).look("", resting).state == "review"


def test_the_catalogue_is_the_same_on_every_machine() -> None:
    assert [agent.key for agent in DEFAULT_AGENTS] == ["c", "l", "g", "h", "t"]
    assert CODEX.uuid == "bbccbf55-88d4-5f24-9356-2afbc6a70f7d"
    assert [(agent.finishes, agent.weight) for agent in (HTOP, TOP)] == [(Finishes.NEVER, 0)] * 2
    assert {agent.finishes for agent in (CODEX, CLAUDE, GEMINI)} == {Finishes.TURN}
    assert (DEMO_AGENT.key, DEMO_AGENT.finishes) == ("d", Finishes.TURN)
    assert DEMO_AGENT not in DEFAULT_AGENTS
    assert all(Agent.from_json(agent.to_json()) == agent for agent in (*DEFAULT_AGENTS, DEMO_AGENT))


def test_an_unknown_kind_is_a_generic_program() -> None:
    assert argv(replace(GENERIC, kind="of a newer version"), "x") == ("x",)


def test_what_is_missing_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert install_check(CODEX) == "codex is not installed: npm install -g @openai/codex"
    assert install_check(GENERIC) == (
        "mine is not installed: install it, or change the command: aios agents edit c"
    )
    assert install_check(replace(GENERIC, argv=(sys.executable,))) is None


def test_the_default_prompt_has_eleven_steps() -> None:
    assert [line.split(".")[0] for line in DEFAULT_PROMPT.splitlines() if line[:1].isdigit()] == [
        str(number) for number in range(1, 12)
    ]


def test_the_founding_commands_of_the_prompt_keys_extend_the_plain_ones() -> None:
    for key in ("c", "l", "g"):
        assert FOUNDING_TEMPLATES[f"{key}p"].startswith(f'{FOUNDING_TEMPLATES[key]} "{{')


# What is written for the agents' own programs


def test_codex_gets_hooks_and_trust_on_its_command_line() -> None:
    words = argv(CODEX, "x")
    settings = tomllib.loads("\n".join(value for flag, value in pairwise(words) if flag == "-c"))

    assert settings["projects"] == {
        '/trees/a "b': {"trust_level": "trusted"},
        "/code/shop": {"trust_level": "trusted"},
    }
    assert settings["hooks"]["Stop"] == [
        {"hooks": [{"type": "command", "command": '/bin/sh "$AIOS_HOOK" hook'}]}
    ]


def test_codex_never_works_in_a_server_that_outlives_its_session() -> None:
    plain = replace(CODEX, argv=("codex",))

    assert {"--no-daemon", "--dangerously-bypass-hook-trust"} <= set(argv(plain, "x"))
    assert "--no-daemon" not in argv(CODEX, "x")


@pytest.mark.parametrize(("agent", "event"), [(CLAUDE, "StopFailure"), (GEMINI, "AfterAgent")])
def test_claude_and_gemini_get_hooks_by_a_file_of_the_attempt(agent: Agent, event: str) -> None:
    launch = module_for(agent).launch(agent, prompt="x", place=PLACE)

    [(name, text)] = launch.files.items()
    assert str(PLACE.attempt_dir / name) in (*launch.argv, *launch.environment.values())
    [group] = json.loads(text)["hooks"][event]
    assert group["hooks"] == [{"type": "command", "name": "aios", "command": '/bin/sh "$AIOS_HOOK" hook'}]


@pytest.mark.parametrize("flags", [(), ("--dangerously-skip-permissions",)])
def test_claude_is_not_asked_for_what_its_command_says(flags: tuple[str, ...]) -> None:
    agent = replace(CLAUDE, argv=("claude", *flags))

    [text] = module_for(agent).launch(agent, prompt="x", place=PLACE).files.values()

    assert ("skipDangerousModePermissionPrompt" in json.loads(text)) is bool(flags)


# What hooks say: payloads as the programs sent them

ABOUT = {"session_id": "id-1", "transcript_path": "/t.jsonl", "cwd": "/x"}


@pytest.mark.parametrize(
    ("agent", "event", "payload", "kind", "text"),
    [
        (CODEX, "SessionStart", {"source": "startup"}, "began", ""),
        (CODEX, "UserPromptSubmit", {"prompt": "x"}, "prompt", ""),
        (CODEX, "PostToolUse", {}, "working", ""),
        (CODEX, "Stop", {"last_assistant_message": "done", "stop_hook_active": False}, "turn", "done"),
        (
            CODEX,
            "PermissionRequest",
            {"tool_name": "Bash", "tool_input": {"command": "ls", "description": "list"}},
            "waiting",
            "Bash: list",
        ),
        (
            CODEX,
            "PostModelRequest",
            {"status": "failed", "error": "high\ndemand", "token_usage": None},
            "trouble",
            "high demand",
        ),
        (CLAUDE, "SessionStart", {"source": "startup"}, "began", ""),
        (CLAUDE, "UserPromptSubmit", {"prompt": "x"}, "prompt", ""),
        (CLAUDE, "PostToolUse", {}, "working", ""),
        (CLAUDE, "Stop", {"last_assistant_message": "done", "background_tasks": []}, "turn", "done"),
        (CLAUDE, "Stop", {"last_assistant_message": "soon", "background_tasks": [{"id": 1}]}, "busy", "soon"),
        (
            CLAUDE,
            "PermissionRequest",
            {"tool_name": "Bash", "tool_input": {"command": "ls"}},
            "waiting",
            "Bash: ls",
        ),
        (
            CLAUDE,
            "PermissionRequest",
            {"tool_name": "AskUserQuestion", "tool_input": {"questions": [{"question": "Which one?"}]}},
            "waiting",
            "Which one?",
        ),
        (CLAUDE, "Notification", {"notification_type": "permission_prompt", "message": "m"}, "waiting", ""),
        (
            CLAUDE,
            "StopFailure",
            {"error": "unknown", "last_assistant_message": "API Error: 400 no"},
            "failed",
            "API Error: 400 no",
        ),
        (
            CLAUDE,
            "StopFailure",
            {"error": "rate_limit", "last_assistant_message": "limit reached, resets 3am"},
            "failed",
            "rate limit: limit reached, resets 3am",
        ),
        (
            CLAUDE,
            "StopFailure",
            {"error": "authentication_failed", "last_assistant_message": "Not logged in · Please run /login"},
            "failed",
            "login needed: run claude, then /login",
        ),
        (CLAUDE, "StopFailure", {"error": "server_error"}, "failed", "server_error"),
        (GEMINI, "SessionStart", {"source": "startup"}, "began", ""),
        (GEMINI, "BeforeAgent", {"prompt": "x"}, "prompt", ""),
        (GEMINI, "AfterTool", {}, "working", ""),
        (GEMINI, "AfterAgent", {"prompt": "x", "prompt_response": "done"}, "turn", "done"),
        (GEMINI, "AfterAgent", {"prompt": "x", "prompt_response": "[no response text]"}, "trouble", ""),
        (
            GEMINI,
            "Notification",
            {
                "notification_type": "ToolPermission",
                "message": "Tool Confirm Shell Command requires execution",
                "details": {"type": "exec", "command": "ls"},
            },
            "waiting",
            "Tool Confirm Shell Command requires execution: ls",
        ),
        (
            GEMINI,
            "BeforeTool",
            {"tool_name": "ask_user", "tool_input": {"questions": [{"question": "Which one?"}]}},
            "waiting",
            "Which one?",
        ),
        (
            GEMINI,
            "Notification",
            {"message": "Tool requires confirmation", "details": {"type": "ask_user", "title": "Ask User"}},
            "waiting",
            "",
        ),
    ],
)
def test_what_a_hook_says_is_understood(
    agent: Agent, event: str, payload: dict[str, Any], kind: Any, text: str
) -> None:
    heard = module_for(agent).hear({"hook_event_name": event, **ABOUT, **payload})

    assert heard == Heard(kind=kind, text=text, conversation="id-1", transcript="/t.jsonl")


@pytest.mark.parametrize("agent", [CODEX, CLAUDE, GEMINI])
@pytest.mark.parametrize("source", ["resume", "clear"])
def test_another_conversation_in_the_same_terminal_is_told_from_a_side_thread(
    agent: Agent, source: str
) -> None:
    module = module_for(agent)

    switched = module.hear({"hook_event_name": "SessionStart", "source": source, **ABOUT})
    started = module.hear({"hook_event_name": "SessionStart", "source": "startup", **ABOUT})

    assert switched == Heard(kind="began", is_switch=True, conversation="id-1", transcript="/t.jsonl")
    assert switched is not None
    assert started == replace(switched, is_switch=False)


@pytest.mark.parametrize("agent", [*DEFAULT_AGENTS, DEMO_AGENT])
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"hook_event_name": "Unheard"},
        {"hook_event_name": ["Stop"]},
        {"hook_event_name": "PostModelRequest", "status": "completed"},
        {"hook_event_name": "Notification", "notification_type": "idle_prompt", "details": 7}
        | {"message": "Claude is waiting for your input"},
    ],
)
def test_what_changes_nothing_is_not_heard(agent: Agent, payload: dict[str, Any]) -> None:
    heard = module_for(agent).hear(payload)

    assert heard is None or (agent is GEMINI and heard.kind == "waiting")


@pytest.mark.parametrize("agent", [CODEX, CLAUDE, GEMINI])
@pytest.mark.parametrize("event", ["PermissionRequest", "Notification", "Stop", "StopFailure", "AfterAgent"])
def test_a_payload_of_wrong_types_is_no_error(agent: Agent, event: str) -> None:
    names = ("tool_input", "questions", "details", "message", "error", "session_id", "last_assistant_message")

    heard = module_for(agent).hear({"hook_event_name": event, **dict.fromkeys(names, 7)})

    assert heard is None or heard.conversation == ""


def test_only_programs_with_hooks_speak() -> None:
    speaking = {agent.name for agent in (*DEFAULT_AGENTS, DEMO_AGENT, GENERIC) if module_for(agent).speaks}

    assert speaking == {"codex", "claude", "gemini"}


GEMINI_LIMIT = """\
 > x
╭──────────────────────────────────────────────────────────────────────────────╮
│ Usage limit reached for all Pro models.                                      │
│ Access resets at 11:45 PM PST.                                               │
│ /stats model for usage details                                               │
│ ● 1. Keep trying                                                             │
│   2. Stop                                                                    │
╰──────────────────────────────────────────────────────────────────────────────╯
"""


def test_gemini_asks_what_to_do_at_a_limit_with_the_title_of_one_at_work() -> None:
    look = module_for(GEMINI).look(GEMINI_LIMIT, "✦  Working… (shop)")

    assert look.state == "failed"
    assert look.text == "Usage limit reached for all Pro models. Access resets at 11:45 PM PST"
