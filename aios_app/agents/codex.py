"""OpenAI Codex CLI, as of 0.169."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.agents.base import Launch, Look, checked, look_at
from aios_app.domain.models import Agent


class CodexAgent:
    """Its options stand before the word ``resume``, and hold for it too."""

    def launch(
        self, agent: Agent, *, prompt: str, conversation: str = "", extra_args: Sequence[str] = ()
    ) -> Launch:
        resume = ["resume"] if conversation else []
        # a prompt that begins with "!" would be run as a shell command
        task = f" {prompt}" if prompt.startswith("!") else prompt
        words = [word for word in (checked(conversation), task) if word]
        return Launch(argv=(*agent.argv, *extra_args, *resume, *(["--", *words] if words else [])))

    def look(self, screen: str) -> Look:
        return look_at(screen, working=("esc to interrupt",))
