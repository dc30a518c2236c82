"""OpenAI Codex CLI, as of 0.169."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aios_app.agents.base import (
    Heard,
    Launch,
    Look,
    Place,
    Ready,
    Usage,
    checked,
    is_headless,
    look_at,
    missing,
)
from aios_app.agents.hooks import HOOK_COMMAND, bare_command, text_of, told
from aios_app.agents.transcripts import count, entries, one_line, summed
from aios_app.domain.models import Agent

_EVENTS = ("SessionStart", "UserPromptSubmit", "PermissionRequest", "Stop", "PostModelRequest")
_LOGIN = "login needed: run codex login"
_DIALOGS = (
    ("Sign in with ChatGPT", Look(state="failed", text=_LOGIN)),
    ("Do you trust the contents of this directory", Look(state="waiting", text="trust this directory?")),
    ("Hooks need review", Look(state="waiting", text="its hooks need a review")),
    ("Update available!", Look(state="waiting", text="an update of codex is offered")),
)
_SPINNER = range(0x2800, 0x2900)


class CodexAgent:
    """Its options stand before the words ``exec`` and ``resume``, and hold for them too."""

    speaks = True
    tried = "0.169"
    tool_marks = frozenset({"CODEX_THREAD_ID", "CODEX_SESSION_ID"})

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,
        conversation: str = "",
        extra_args: Sequence[str] = (),
    ) -> Launch:
        # without the first flag a server in the background may do the work, and outlive the session
        flags = missing(agent.argv, "--no-daemon", "--dangerously-bypass-hook-trust")
        verbs = [*(["exec"] if is_headless(agent) else []), *(["resume"] if conversation else [])]
        # a prompt that begins with "!" would be run as a shell command
        task = f" {prompt}" if prompt.startswith("!") else prompt
        words = [word for word in (checked(conversation), task) if word]
        argv = (
            *agent.argv,
            *flags,
            *_settings(place),
            *extra_args,
            *verbs,
            *(["--", *words] if words else []),
        )
        return Launch(argv=argv, conversation=conversation)

    def hear(self, payload: Mapping[str, Any]) -> Heard | None:
        match payload.get("hook_event_name"):
            case "SessionStart":
                return told("began", payload, is_switch=payload.get("source") != "startup")
            case "UserPromptSubmit":
                return told("prompt", payload)
            case "PermissionRequest":
                return told("waiting", payload, _permission(payload))
            case "PostToolUse":
                return told("working", payload)
            case "Stop":
                return told("turn", payload, text_of(payload, "last_assistant_message"))
            case "PostModelRequest" if payload.get("status") == "failed":
                return told("trouble", payload, one_line(text_of(payload, "error") or "the model failed"))
        return None

    def look(self, screen: str, title: str = "") -> Look:
        if title and ord(title[0]) in _SPINNER:
            return Look(state="running")
        return look_at(screen, working=("esc to interrupt",), dialogs=_DIALOGS)

    def render(self, lines: Iterable[str]) -> Iterator[str]:
        for entry in entries(lines):
            item = entry.get("payload")
            if entry.get("type") == "response_item" and isinstance(item, dict):
                yield from _item(item)

    def usage(self, lines: Iterable[str]) -> Usage:
        told: dict[str, Usage] = {}
        for entry in entries(line for line in lines if '"token_' in line):
            item = entry.get("payload")
            if not isinstance(item, dict):
                continue
            if entry.get("type") == "token_usage_record":
                told[str(item.get("response_id"))] = _usage(item.get("usage"))
        return summed(told.values())

    def ready(self, home: Path, environ: Mapping[str, str]) -> Iterator[Ready]:
        folder = Path(environ.get("CODEX_HOME") or home / ".codex")
        config = folder / "config.toml"
        has_provider = config.is_file() and "model_provider" in config.read_text("utf-8", "replace")
        if (folder / "auth.json").is_file() or has_provider:
            yield Ready(ok=True, says="logged in")
        else:
            yield Ready(ok=False, says="not logged in", mend="codex login")


def _settings(place: Place) -> list[str]:
    """Hooks and trust as options of the command line: the person's own file stays as it is."""
    commands = dict.fromkeys(_EVENTS, HOOK_COMMAND) | {"PostToolUse": bare_command("PostToolUse")}
    values = [
        f'hooks.{event}=[{{hooks=[{{type="command",command={_toml(command)}}}]}}]'
        for event, command in commands.items()
    ]
    folders = {str(place.worktree), str(place.repository)}
    trusted = ",".join(f'{_toml(folder)}={{trust_level="trusted"}}' for folder in sorted(folders))
    return [word for value in (*values, f"projects={{{trusted}}}") for word in ("-c", value)]


def _usage(tokens: object) -> Usage:
    return Usage(
        input=count(tokens, "input_tokens"),
        output=count(tokens, "output_tokens"),
        cached=count(tokens, "cached_input_tokens"),
    )


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _permission(payload: Mapping[str, Any]) -> str:
    given = payload.get("tool_input")
    tool_input = given if isinstance(given, dict) else {}
    words = text_of(tool_input, "description", "command") or one_line(tool_input)
    return f"{text_of(payload, 'tool_name')}: {words}"


def _item(item: Mapping[str, Any]) -> Iterator[str]:
    kind = str(item.get("type"))
    if kind == "message":
        yield from _message(item)
    elif kind.endswith("_call"):
        given = item.get("arguments") or item.get("input") or item.get("action") or ""
        yield f"  * {one_line(item.get('name') or kind)}: {one_line(given)}"


def _message(item: Mapping[str, Any]) -> Iterator[str]:
    mark = {"user": "> ", "assistant": ""}.get(str(item.get("role")))
    content = item.get("content")
    if mark is None or not isinstance(content, list):
        return
    for part in content:
        text = text_of(part, "text") if isinstance(part, dict) else ""
        if text and not text.startswith(("<environment_context>", "<user_instructions>")):
            yield ""
            yield mark + text
