"""What every agent module offers, and what is the same for all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent

#: What an agent's own hook runs. The shell finds the script by the variable that the session sets, so that no
#: path needs quoting; the payload is on its standard input.
HOOK_COMMAND = '/bin/sh "$AIOS_HOOK" hook'
#: For what happens at each use of a tool: its payload may be large, and only that it happened is wanted.
BARE_HOOK_COMMAND = f"cat >/dev/null; {HOOK_COMMAND} "

_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_QUESTION = re.compile(
    r"(\?|\[y/n\]|\(y/n\)|[\[(]yes/no[\])]|(password|passphrase)[^:]{0,80}:)\s*[:>]?$", re.I
)
_LONGEST_QUESTION = 500
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an attempt's agent is started, and by which id its signals are known."""

    attempt_dir: Path
    worktree: Path
    repository: Path  #: the root of the repository that the worktree belongs to
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How an agent's process is started: the words of its command, and variables of its own.

    ``files`` are to be in the attempt's directory before, readable to the person alone. ``conversation`` is
    the id that the agent was told to use; empty where it chooses one itself.
    """

    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    conversation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a screen says of the agent; ``text`` is what a waiting one asks, or why one cannot work."""

    state: Literal["review", "waiting", "running", "failed"]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one of an agent's own hooks said.

    ``began``: it knows its conversation. ``working``: what it waited for came. ``busy``: its turn is over,
    and a command of its own still runs, after which it goes on by itself. ``trouble``: it failed and may try
    again, or stopped without a word. ``text`` is a question, a last message, or a cause.
    """

    kind: Literal["began", "prompt", "waiting", "working", "turn", "busy", "trouble", "failed"]
    text: str = ""
    conversation: str = ""
    transcript: str = ""
    is_switch: bool = False  #: the person began or chose another conversation in the same terminal
    is_aside: bool = False  #: of an agent that this one has started in its own conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens of a conversation. ``cached`` are those of ``input`` that the model had kept.

    ``cost_usd`` is None where the agent says nothing of money: no price is known here.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One thing that an agent needs before it can work; ``mend`` is a command. None: it cannot be told."""

    ok: bool | None
    says: str
    mend: str = ""


class AgentModule(Protocol):
    """What AIOS knows of one kind of agent."""

    #: Whether its hooks say what it does; else its screen is all that is known of it.
    speaks: bool
    #: Variables that it sets for the tools it starts: what carries one of them was started by it.
    tool_marks: frozenset[str]
    #: Beginning of the versions that AIOS is tested with; empty: it makes no difference.
    tried: str

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,
        conversation: str = "",
        extra_args: Sequence[str] = (),
    ) -> Launch:
        """The command that starts straight into work on ``prompt``.

        With ``conversation`` it goes on with that one. Without a prompt it sits at its own prompt.
        """

    def hear(self, payload: Mapping[str, Any]) -> Heard | None:
        """What a hook's payload means; None for what changes nothing."""

    def look(self, screen: str, title: str = "") -> Look:
        """What a screen and its terminal's title say."""

    def render(self, lines: Iterable[str]) -> Iterator[str]:
        """The conversation in a transcript, as lines for a person to read."""

    def usage(self, lines: Iterable[str]) -> Usage:
        """The tokens that a transcript tells of."""

    def ready(self, home: Path, environ: Mapping[str, str]) -> Iterator[Ready]:
        """What it needs and finds, in the environment of the person's login shell."""


class Mute:
    """What is the same for all programs that have no hooks and no transcript."""

    speaks = False
    tool_marks: frozenset[str] = frozenset()
    tried = ""

    def hear(self, _payload: Mapping[str, Any]) -> Heard | None:
        return None

    def render(self, _lines: Iterable[str]) -> Iterator[str]:
        return iter(())

    def usage(self, _lines: Iterable[str]) -> Usage:
        return Usage()

    def ready(self, _home: Path, _environ: Mapping[str, str]) -> Iterator[Ready]:
        return iter(())


def checked(conversation: str) -> str:
    """The id of a conversation, as agents report it; raises ``BadValue`` for what could be an option."""
    if conversation and not _CONVERSATION.fullmatch(conversation):
        raise BadValue(f"{conversation[:40]!r} is not the id of a conversation")
    return conversation


def missing(argv: Sequence[str], *flags: str) -> list[str]:
    """Those of the flags that the person's own command does not hold already."""
    return [flag for flag in flags if flag not in argv]


def text_of(payload: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds a text; hooks say what they like."""
    found = (payload.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def told(kind: Any, payload: Mapping[str, Any], text: str = "", *, is_switch: bool = False) -> Heard:  # noqa: ANN401 - a literal
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


def look_at(screen: str, *, working: Sequence[str] = (), dialogs: Sequence[tuple[str, Look]] = ()) -> Look:
    """What the words of a dialog say, else running, waiting or review, by the last lines."""
    lines = [line.strip() for line in screen.splitlines() if line.strip()]
    for words, look in dialogs:
        if words in screen:
            return look
    if any(word in line for line in lines[-15:] for word in working):
        return Look(state="running")
    if lines and _QUESTION.search(lines[-1][-_LONGEST_QUESTION:]):
        return Look(state="waiting", text=lines[-1][-_LONGEST_QUESTION:])
    return Look(state="review")


def entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; one that is still being written is left out."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def count(data: object, *names: str) -> int:
    """The sum of these numbers of tokens; what is missing, or no such number, is none."""
    found = [data.get(name) for name in names] if isinstance(data, dict) else []
    return sum(number for number in found if isinstance(number, int) and number > 0)


def summed(answers: Iterable[Usage]) -> Usage:
    """The usage of a whole conversation."""
    every = list(answers)
    costs = [one.cost_usd for one in every if one.cost_usd is not None]
    return Usage(
        input=sum(one.input for one in every),
        output=sum(one.output for one in every),
        cached=sum(one.cached for one in every),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )


def one_line(words: object) -> str:
    """Whatever stands in a transcript, on one line of bounded length."""
    text = words if isinstance(words, str) else json.dumps(words, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
