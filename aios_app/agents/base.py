"""What every agent module offers, and what is the same for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent, Finishes

_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_QUESTION = re.compile(
    r"(\?|\[y/n\]|\(y/n\)|[\[(]yes/no[\])]|(password|passphrase)[^:]{0,80}:)\s*[:>]?$", re.I
)
_LONGEST_QUESTION = 500

HeardKind = Literal["began", "prompt", "waiting", "working", "turn", "busy", "trouble", "failed"]


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

    kind: HeardKind
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


def is_headless(agent: Agent) -> bool:
    """Whether it does one turn without its terminal program, and ends: ``finishes = exit`` asks for that."""
    return agent.finishes is Finishes.EXIT


def checked(conversation: str) -> str:
    """The id of a conversation, as agents report it; raises ``BadValue`` for what could be an option."""
    if conversation and not _CONVERSATION.fullmatch(conversation):
        raise BadValue(f"{conversation[:40]!r} is not the id of a conversation")
    return conversation


def missing(argv: Sequence[str], *flags: str) -> list[str]:
    """Those of the flags that the person's own command does not hold already."""
    return [flag for flag in flags if flag not in argv]


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
