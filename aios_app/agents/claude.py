"""Claude Code, as of 2.1."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from aios_app.agents.base import Heard, Launch, Look, Place, Ready, Usage, checked, is_headless, look_at
from aios_app.agents.hooks import hook_settings, text_of, told
from aios_app.agents.transcripts import count, entries, one_line, summed
from aios_app.domain.models import Agent

_SETTINGS = "claude-settings.json"
_EVENTS = ("SessionStart", "UserPromptSubmit", "PermissionRequest", "Notification", "Stop", "StopFailure")
_NO_QUESTIONS = "--dangerously-skip-permissions"
_LOGIN = "login needed: run claude, then /login"
_DIALOGS = (
    ("Not logged in", Look(state="failed", text=_LOGIN)),
    ("Select login method", Look(state="failed", text=_LOGIN)),
    ("Unable to connect to Anthropic services", Look(state="failed", text=_LOGIN)),
    ("Is this a project you created or one you trust", Look(state="waiting", text="trust this folder?")),
    ("Detected a custom API key", Look(state="waiting", text="use the API key of the environment?")),
    ("Bypass Permissions mode", Look(state="waiting", text="work without asking for permissions?")),
)
_CAUSES = {
    "authentication_failed": _LOGIN,
    "oauth_org_not_allowed": _LOGIN,
    "rate_limit": "rate limit",
    "billing_error": "billing",
    "overloaded": "the API is overloaded",
}
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK")


class ClaudeAgent:
    """As root it refuses to work without approvals, unless it is told that this is a sandbox."""

    speaks = True
    tried = "2.1"
    tool_marks = frozenset({"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"})

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,
        conversation: str = "",
        extra_args: Sequence[str] = (),
    ) -> Launch:
        chosen = checked(conversation) or place.attempt
        which = ["--resume" if conversation else "--session-id", chosen]
        settings = ["--settings", str(place.attempt_dir / _SETTINGS)]
        headless = ["--print"] if is_headless(agent) else []
        words = ["--", prompt] if prompt else []
        return Launch(
            argv=(*agent.argv, *headless, *settings, *extra_args, *which, *words),
            environment=_environment(),
            files={_SETTINGS: json.dumps(_settings(agent))},
            conversation=chosen,
        )

    def hear(self, payload: Mapping[str, Any]) -> Heard | None:
        match payload.get("hook_event_name"):
            case "SessionStart":
                return told("began", payload, is_switch=payload.get("source") != "startup")
            case "UserPromptSubmit":
                return told("prompt", payload)
            case "PermissionRequest":
                return told("waiting", payload, _question(payload))
            case "Notification" if payload.get("notification_type") != "idle_prompt":
                return _notified(payload)
            case "PostToolUse":
                return told("working", payload)
            case "Stop":
                said = text_of(payload, "last_assistant_message")
                return told("busy" if payload.get("background_tasks") else "turn", payload, said)
            case "StopFailure":
                return told("failed", payload, _cause(payload))
        return None

    def look(self, screen: str, title: str = "") -> Look:
        if title.startswith(("◐", "◑", "◒", "◓")):
            return Look(state="running")
        return look_at(screen, working=("esc to interrupt",), dialogs=_DIALOGS)

    def render(self, lines: Iterable[str]) -> Iterator[str]:
        for entry in entries(lines):
            message = entry.get("message")
            is_aside = entry.get("isSidechain") or entry.get("isMeta")
            if entry.get("type") in {"user", "assistant"} and isinstance(message, dict) and not is_aside:
                yield from _message(message)

    def usage(self, lines: Iterable[str]) -> Usage:
        told: dict[str, Usage] = {}  # each part of an answer repeats the tokens of all of it
        for entry in entries(line for line in lines if '"usage"' in line):
            message = entry.get("message")
            if entry.get("type") == "assistant" and isinstance(message, dict):
                told[str(message.get("id"))] = _usage(message.get("usage"), entry.get("costUSD"))
        return summed(told.values())

    def ready(self, home: Path, environ: Mapping[str, str]) -> Iterator[Ready]:
        folder = Path(environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
        if (folder / ".credentials.json").is_file() or any(key in environ for key in _KEYS):
            yield Ready(ok=True, says="logged in")
        elif sys.platform == "darwin":
            yield Ready(ok=None, says="keeps its login in the keychain, which is not asked")
        else:
            yield Ready(ok=False, says="not logged in", mend="claude, then /login")


def _environment() -> dict[str, str]:
    sandbox = {"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}
    # the second one answers its question whether the folder is trusted: the person saved the project
    return {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_SANDBOXED": "1", **sandbox}


def _settings(agent: Agent) -> dict[str, Any]:
    settings: dict[str, Any] = {"hooks": hook_settings(_EVENTS, bare=("PostToolUse",))}
    if _NO_QUESTIONS in agent.argv:
        settings["skipDangerousModePermissionPrompt"] = True
    return settings


def _usage(tokens: object, cost: object) -> Usage:
    """``cost`` is said by some versions only."""
    return Usage(
        input=count(tokens, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
        output=count(tokens, "output_tokens"),
        cached=count(tokens, "cache_read_input_tokens"),
        cost_usd=Decimal(str(cost)) if isinstance(cost, int | float) else None,
    )


def _question(payload: Mapping[str, Any]) -> str:
    given = payload.get("tool_input")
    tool_input = given if isinstance(given, dict) else {}
    questions = tool_input.get("questions")
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return text_of(questions[0], "question")
    words = text_of(tool_input, "command", "description", "file_path") or one_line(tool_input)
    return f"{text_of(payload, 'tool_name')}: {words}"


def _notified(payload: Mapping[str, Any]) -> Heard | None:
    """Of a permission the request itself says more, and says it sooner."""
    kind = text_of(payload, "notification_type")
    if kind == "permission_prompt":
        return told("waiting", payload)
    return told("waiting", payload, text_of(payload, "message")) if kind == "elicitation_dialog" else None


def _cause(payload: Mapping[str, Any]) -> str:
    """Its word for the error and what it said, which holds the time at which a limit ends."""
    error = text_of(payload, "error")
    said = one_line(text_of(payload, "last_assistant_message", "error_details"))
    if "/login" in said:
        return _LOGIN
    cause = _CAUSES.get(error, "")
    return (
        ": ".join(word for word in (cause, said) if word and word != _LOGIN) or cause or error or "API error"
    )


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    mark = "> " if message.get("role") == "user" else ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "text" and text_of(part, "text"):
            yield ""
            yield mark + text_of(part, "text")
        elif part.get("type") == "tool_use":
            yield f"  * {one_line(part.get('name', ''))}: {one_line(part.get('input', ''))}"
