"""What every agent module offers, and what is the same for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent

_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_QUESTION = re.compile(
    r"(\?|\[y/n\]|\(y/n\)|[\[(]yes/no[\])]|(password|passphrase)[^:]{0,80}:)\s*[:>]?$", re.I
)
_LONGEST_QUESTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How an agent's process is started: the words of its command, and variables of its own."""

    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a screen says of the agent; ``question`` is what a waiting one asks."""

    state: Literal["review", "waiting", "running"]
    question: str = ""


class AgentModule(Protocol):
    """What AIOS knows of one kind of agent."""

    def launch(
        self, agent: Agent, *, prompt: str, conversation: str = "", extra_args: Sequence[str] = ()
    ) -> Launch:
        """The command that starts straight into work on ``prompt``.

        With ``conversation`` it goes on with that one. Without a prompt it sits at its own prompt.
        """

    def look(self, screen: str) -> Look:
        """What a screen that has not changed for a while says."""


def checked(conversation: str) -> str:
    """The id of a conversation, as agents report it; raises ``BadValue`` for what could be an option."""
    if conversation and not _CONVERSATION.fullmatch(conversation):
        raise BadValue(f"{conversation[:40]!r} is not the id of a conversation")
    return conversation


def look_at(screen: str, *, working: Sequence[str] = ()) -> Look:
    """Waiting if the last line asks something, running if a line holds one of ``working``, else review."""
    lines = [line.strip() for line in screen.splitlines() if line.strip()]
    if any(word in line for line in lines[-15:] for word in working):
        return Look(state="running")
    if lines and _QUESTION.search(lines[-1][-_LONGEST_QUESTION:]):
        return Look(state="waiting", question=lines[-1][-_LONGEST_QUESTION:])
    return Look(state="review")
