"""Claude Code, as of 2.1."""

from __future__ import annotations

import os
from collections.abc import Sequence

from aios_app.agents.base import Launch, Look, checked, look_at
from aios_app.domain.models import Agent


class ClaudeAgent:
    """As root it refuses to work without approvals, unless it is told that this is a sandbox."""

    def launch(
        self, agent: Agent, *, prompt: str, conversation: str = "", extra_args: Sequence[str] = ()
    ) -> Launch:
        resume = ["--resume", checked(conversation)] if conversation else []
        words = ["--", prompt] if prompt else []
        environment = {"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}
        return Launch(argv=(*agent.argv, *extra_args, *resume, *words), environment=environment)

    def look(self, screen: str) -> Look:
        return look_at(screen, working=("esc to interrupt",))
