from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from aios_app.agents import (
    DEFAULT_AGENTS,
    DEFAULT_PROMPT,
    DEMO_AGENT,
    FOUNDING_TEMPLATES,
    install_check,
    module_for,
)
from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent, Finishes

CODEX, CLAUDE, GEMINI, HTOP, TOP = DEFAULT_AGENTS
GENERIC = replace(CODEX, kind="generic", name="mine", argv=("mine", "--fast"))
PROMPT = "-n 'fix' $(touch x)\n"


def argv(
    agent: Agent, prompt: str, *, conversation: str = "", extra: tuple[str, ...] = ()
) -> tuple[str, ...]:
    launch = module_for(agent).launch(agent, prompt=prompt, conversation=conversation, extra_args=extra)
    assert launch.argv[: len(agent.argv)] == agent.argv
    return launch.argv[len(agent.argv) :]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (CODEX, ("-x", "--", PROMPT)),
        (CLAUDE, ("-x", "--", PROMPT)),
        (GEMINI, ("-x", f"--prompt-interactive={PROMPT}")),
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
    assert argv(agent, "", conversation="id-1") == alone
    assert argv(agent, PROMPT, conversation="id-1") == with_prompt


@pytest.mark.parametrize("agent", [*DEFAULT_AGENTS, DEMO_AGENT, GENERIC])
def test_without_prompt_and_conversation_nothing_is_added(agent: Agent) -> None:
    assert argv(agent, "") == ()


@pytest.mark.parametrize("agent", [CODEX, CLAUDE, GEMINI, DEMO_AGENT])
@pytest.mark.parametrize("conversation", ["--help", "a b", "$(x)", "x" * 200, "a\n"])
def test_a_conversation_that_could_be_an_option_is_refused(agent: Agent, conversation: str) -> None:
    with pytest.raises(BadValue, match="not the id of a conversation"):
        argv(agent, "", conversation=conversation)


def test_codex_does_not_run_a_prompt_as_a_shell_command() -> None:
    assert argv(CODEX, "!rm -rf .") == ("--", " !rm -rf .")


def test_claude_works_without_approvals_for_root_too() -> None:
    environment = module_for(CLAUDE).launch(CLAUDE, prompt="x").environment

    assert environment == ({"IS_SANDBOX": "1"} if os.geteuid() == 0 else {})


def test_gemini_runs_as_one_process_that_trusts_its_worktree() -> None:
    environment = module_for(GEMINI).launch(GEMINI, prompt="x").environment

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

    assert (look.state, look.question) == (state, question)


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


def test_the_catalogue_is_the_same_on_every_machine() -> None:
    assert [agent.key for agent in DEFAULT_AGENTS] == ["c", "l", "g", "h", "t"]
    assert CODEX.uuid == "bbccbf55-88d4-5f24-9356-2afbc6a70f7d"
    assert [(agent.finishes, agent.weight) for agent in (HTOP, TOP)] == [(Finishes.NEVER, 0)] * 2
    assert {agent.finishes for agent in (CODEX, CLAUDE, GEMINI)} == {Finishes.SILENCE}
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
