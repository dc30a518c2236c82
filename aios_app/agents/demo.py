"""The stand-in agent of the demonstration and of the tests: no model, no network, no key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from aios_app.agents.base import Launch, Look, Mute, Place, checked, look_at
from aios_app.domain.models import Agent

#: By its path and isolated: a file ``json.py`` in the project that it works in is not imported by it.
DEMO_ARGV = (
    sys.executable,
    "-I",
    "-S",
    "-X",
    "utf8",
    str(Path(__file__).with_name("demo_program.py")),
)


class DemoAgent(Mute):
    """It says itself when a turn is over."""

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,  # noqa: ARG002 - it needs nothing of it
        conversation: str = "",
        extra_args: Sequence[str] = (),
    ) -> Launch:
        resume = ["--resume", checked(conversation)] if conversation else []
        argv = (*agent.argv, *extra_args, *resume, *(["--", prompt] if prompt else []))
        return Launch(argv=argv, conversation=conversation)

    def look(self, screen: str, title: str = "") -> Look:  # noqa: ARG002 - it sets no title
        return look_at(screen)
