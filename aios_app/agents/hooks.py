"""The hooks of agents: how they are asked for, and what their payloads have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aios_app.agents.base import Heard, HeardKind

#: What an agent's own hook runs. The shell finds the script by the variable that the session sets, so that no
#: path needs quoting; the payload is on its standard input.
HOOK_COMMAND = '/bin/sh "$AIOS_HOOK" hook'
#: For what happens at each use of a tool: its payload may be large, and only that it happened is wanted.
BARE_HOOK_COMMAND = f"cat >/dev/null; {HOOK_COMMAND} "


def text_of(payload: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds a text; hooks say what they like."""
    found = (payload.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def told(kind: HeardKind, payload: Mapping[str, Any], text: str = "", *, is_switch: bool = False) -> Heard:
    """What was heard, and of which conversation; a helper keeps its part of it in a file of its own."""
    is_aside = bool(text_of(payload, "agent_id"))
    return Heard(
        kind=kind,
        text=text,
        conversation=text_of(payload, "session_id"),
        transcript="" if is_aside else text_of(payload, "transcript_path"),
        is_switch=is_switch,
        is_aside=is_aside,
    )


def hook_settings(
    events: Iterable[str], *, bare: Iterable[str] = (), matched: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The hooks as the settings file of an agent names them; of ``bare`` ones only the name is told.

    ``matched``: events that are wanted of one tool alone, with its name.
    """
    commands = dict.fromkeys(events, HOOK_COMMAND) | {event: bare_command(event) for event in bare}
    hooks: dict[str, Any] = {event: [_hook(command)] for event, command in commands.items()}
    for event, tool in (matched or {}).items():
        hooks[event] = [{"matcher": tool, **_hook(HOOK_COMMAND)}]
    return hooks


def _hook(command: str) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "name": "aios", "command": command}]}


def bare_command(event: str) -> str:
    """A hook's command that leaves nothing but the event's name."""
    return BARE_HOOK_COMMAND + "'" + json.dumps({"hook_event_name": event}) + "'"
