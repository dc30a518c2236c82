"""Gemini CLI, as of 0.61."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aios_app.agents.base import Heard, Launch, Look, Place, Ready, Usage, checked, is_headless, look_at
from aios_app.agents.hooks import hook_settings, text_of, told
from aios_app.agents.transcripts import count, entries, one_line, summed
from aios_app.domain.models import Agent

_ENVIRONMENT = {
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
    "GEMINI_CLI_NO_RELAUNCH": "true",  # the second process that it would start outlives the first
    "COLORTERM": "truecolor",
}
_SETTINGS = "gemini-settings.json"
_EVENTS = ("SessionStart", "BeforeAgent", "AfterAgent", "Notification")
_LOGIN = "login needed: run gemini, then /auth"
_DIALOGS = (
    ("How would you like to authenticate", Look(state="failed", text=_LOGIN)),
    ("Waiting for auth", Look(state="failed", text=_LOGIN)),
    ("Do you trust", Look(state="waiting", text="trust this folder?")),
)
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA")
_NO_WORDS = "[no response text]"
_LIMIT = re.compile(r"(Usage limit reached[^│\n]*|Access resets at [^│\n]*)")
_ERROR = re.compile(r"^ ?✕ (.+)$", re.M)


class GeminiAgent:
    """The prompt is one word with its option: after ``--`` it would be dropped without a word."""

    speaks = True
    tried = "0.61"
    tool_marks = frozenset({"GEMINI_CLI"})

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
        which = f"--resume={chosen}" if conversation else f"--session-id={chosen}"
        option = "--prompt" if is_headless(agent) else "--prompt-interactive"
        words = [f"{option}={prompt}"] if prompt else []
        settings = place.attempt_dir / _SETTINGS
        return Launch(
            argv=(*agent.argv, *extra_args, which, *words),
            environment={**_ENVIRONMENT, "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(settings)},
            files={_SETTINGS: json.dumps(_settings())},
            conversation=chosen,
        )

    def hear(self, payload: Mapping[str, Any]) -> Heard | None:
        match payload.get("hook_event_name"):
            case "SessionStart":
                return told("began", payload, is_switch=payload.get("source") != "startup")
            case "BeforeAgent":
                return told("prompt", payload)
            case "Notification":
                return told("waiting", payload, _permission(payload))
            case "BeforeTool":
                return told("waiting", payload, _question(payload))
            case "AfterTool":
                return told("working", payload)
            case "AfterAgent":
                said = text_of(payload, "prompt_response")
                return told("trouble", payload) if said == _NO_WORDS else told("turn", payload, said)
        return None

    def look(self, screen: str, title: str = "") -> Look:
        limit = _limit(screen)
        if limit:
            return Look(state="failed", text=limit)
        if title.startswith("✦"):
            return Look(state="running")
        error = _ERROR.search(screen.rpartition("\n > ")[2])
        if error:
            return Look(state="failed", text=one_line(error[1]))
        return look_at(screen, working=("esc to cancel",), dialogs=_DIALOGS)

    def render(self, lines: Iterable[str]) -> Iterator[str]:
        last = ""
        for entry in entries(lines):
            is_again = entry.get("id") == last  # the same message, with the tools that it used
            last = str(entry.get("id"))
            if not is_again:
                yield from _words(entry)
            yield from _calls(entry)

    def usage(self, lines: Iterable[str]) -> Usage:
        told: dict[str, Usage] = {}  # a message stands there again with the tools that it used
        for entry in entries(line for line in lines if '"tokens"' in line):
            if entry.get("type") == "gemini":
                told[str(entry.get("id"))] = _usage(entry.get("tokens"))
        return summed(told.values())

    def ready(self, home: Path, environ: Mapping[str, str]) -> Iterator[Ready]:
        folder = Path(environ.get("GEMINI_CLI_HOME") or home) / ".gemini"
        settings = folder / "settings.json"
        is_chosen = settings.is_file() and "selectedType" in settings.read_text("utf-8", "replace")
        has_login = (folder / "oauth_creds.json").is_file() or any(key in environ for key in _KEYS)
        if is_chosen and has_login:
            yield Ready(ok=True, says="logged in")
        else:
            yield Ready(ok=False, says="no way to log in is chosen", mend="gemini, then /auth")


def _settings() -> dict[str, Any]:
    return {
        "general": {"enableAutoUpdate": False},
        "hooks": hook_settings(_EVENTS, bare=("AfterTool",), matched={"BeforeTool": "ask_user"}),
    }


def _usage(tokens: object) -> Usage:
    return Usage(
        input=count(tokens, "input", "tool"),
        output=count(tokens, "output", "thoughts"),
        cached=count(tokens, "cached"),
    )


def _question(payload: Mapping[str, Any]) -> str:
    given = payload.get("tool_input")
    questions = given.get("questions") if isinstance(given, dict) else None
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return text_of(questions[0], "question")
    return ""


def _permission(payload: Mapping[str, Any]) -> str:
    """Of a question of its own it says only here that it has one."""
    given = payload.get("details")
    details = given if isinstance(given, dict) else {}
    if details.get("type") == "ask_user":
        return ""
    return ": ".join(word for word in (text_of(payload, "message"), text_of(details, "command")) if word)


def _limit(screen: str) -> str:
    """What its question says that it asks at a rate limit, with the title of one at work."""
    if "Keep trying" not in screen:
        return ""
    return one_line(". ".join(line.strip(" .") for line in _LIMIT.findall(screen)))


def _words(entry: Mapping[str, Any]) -> Iterator[str]:
    mark = {"user": "> ", "gemini": ""}.get(str(entry.get("type")))
    content = entry.get("content")
    for part in content if isinstance(content, list) else [content]:
        text = text_of(part, "text") if isinstance(part, dict) else part
        if mark is not None and isinstance(text, str) and text:
            yield ""
            yield mark + text


def _calls(entry: Mapping[str, Any]) -> Iterator[str]:
    calls = entry.get("toolCalls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            yield f"  * {one_line(call.get('name', ''))}: {one_line(call.get('args', ''))}"
