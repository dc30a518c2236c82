"""Any terminal program: the prompt is its last argument, and its screen is all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.agents.base import Launch, Look, Mute, Place, look_at
from aios_app.domain.models import Agent, Finishes


class GenericAgent(Mute):
    """A program that knows no conversations. One that never finishes gets no prompt either, as htop."""

    def launch(
        self,
        agent: Agent,
        *,
        prompt: str,
        place: Place,  # noqa: ARG002 - it needs nothing of it
        conversation: str = "",  # noqa: ARG002 - it has none to go on with
        extra_args: Sequence[str] = (),
    ) -> Launch:
        takes_prompt = prompt and agent.finishes is not Finishes.NEVER
        return Launch(argv=(*agent.argv, *extra_args, *([prompt] if takes_prompt else [])))

    def look(self, screen: str, title: str = "") -> Look:  # noqa: ARG002 - of an unknown program
        return look_at(screen)
