"""Rows of the founding schema in today's words: commands become agents, ``cp`` rows become prompts."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aios_app.domain.errors import BadValue, StoreError
from aios_app.domain.models import Agent, Finishes
from aios_app.store.database import translated

#: Beside the founding database.
SETTINGS_FILE = "config.json"
_SETTINGS = ("auto_update", "check_interval", "editor_command", "last_update_check")

_LAST_QUOTED = re.compile(r"""\s("(?:[^"\\]|\\.)*"|'[^']*')\s*\Z""", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([A-Z]+_PROMPT)\}", re.ASCII)
_SHELL_WORDS = frozenset({"&", "&&", "|", "||", ";", ">", "<", ">>"})


def is_prompt_row(key: str, keys: Collection[str]) -> bool:
    """Whether the row is another one's agent with a prompt, as ``cp`` is to ``c``."""
    return key.endswith("p") and key[:-1] in keys


def prompt_in(template: str, prompts: Mapping[str, str]) -> str:
    """The prompt in quotes at the end of a template; empty where there is none, or it is the default one.

    ``prompts`` are the settings that a placeholder such as ``{CODEX_PROMPT}`` may refer to.
    """
    match = _LAST_QUOTED.search(template)
    if match is None:
        return ""
    # The founding programs wrote a newline as a backslash and an n.
    text = shlex.split(match[1])[0].replace("\\n", "\n")
    return _PLACEHOLDER.sub(lambda name: prompts.get(name[1].lower(), ""), text)


def agent_of(
    key: str, name: str, template: str, *, defaults: Sequence[Agent], founding_templates: Mapping[str, str]
) -> Agent:
    """The agent that a row stands for, without a uuid; ``BadValue`` says why it cannot be one.

    A row as the founding programs made it becomes today's default agent; a changed one keeps its command.
    """
    if template.strip() == founding_templates.get(key):
        same_key = [agent for agent in defaults if agent.key == key]
        if same_key:
            return replace(same_key[0], uuid="")
    alike = next((agent for agent in defaults if agent.name == name), _generic(name))
    return replace(alike, uuid="", key=key, name=name, argv=_words(template))


def read_settings(path: Path) -> Mapping[str, object]:
    """What the file of settings holds, without the names that mean nothing any more."""
    try:
        with translated(path):
            data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is not JSON", str(error)) from error
    if not isinstance(data, dict):
        raise StoreError(f"{path} is not a JSON object of settings")
    return {key: data[key] for key in _SETTINGS if key in data}


def text_of(value: object) -> str:
    """A value of that file as a setting is written."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str | int):
        return str(value)
    raise BadValue("the value is neither text nor a number")


def _generic(name: str) -> Agent:
    return Agent(uuid="", key="", name=name, kind="generic", argv=(), finishes=Finishes.SILENCE)


def _words(template: str) -> tuple[str, ...]:
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise BadValue(f"its quotes do not match: {template[:60]!r}") from error
    if not words:
        raise BadValue("it has no command")
    if "=" in words[0] or not _SHELL_WORDS.isdisjoint(words):
        raise BadValue(f"it needs a shell, which agents do not get: {template[:60]!r}")
    return tuple(words)
