"""Gemini CLI, as of 0.61."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.agents.base import Launch, Look, checked, look_at
from aios_app.domain.models import Agent

_ENVIRONMENT = {
    "GEMINI_CLI_TRUST_WORKSPACE": "true",
    "GEMINI_CLI_NO_RELAUNCH": "true",  # the second process that it would start outlives the first
    "COLORTERM": "truecolor",
}


class GeminiAgent:
    """The prompt is one word with its option: after ``--`` it would be dropped without a word."""

    def launch(
        self, agent: Agent, *, prompt: str, conversation: str = "", extra_args: Sequence[str] = ()
    ) -> Launch:
        resume = [f"--resume={checked(conversation)}"] if conversation else []
        words = [f"--prompt-interactive={prompt}"] if prompt else []
        return Launch(argv=(*agent.argv, *extra_args, *resume, *words), environment=dict(_ENVIRONMENT))

    def look(self, screen: str) -> Look:
        return look_at(screen, working=("esc to cancel",))
