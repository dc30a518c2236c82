"""Agents that act without asking, and what a person is told of it before the first of them starts."""

from __future__ import annotations

from collections.abc import Iterable

from aios_app.domain.models import Agent
from aios_app.services.context import Context

_KINDS = frozenset({"codex", "claude", "gemini"})


def unattended(agents: Iterable[Agent]) -> list[str]:
    """The names of those that act without approvals."""
    return sorted(agent.name for agent in agents if agent.kind in _KINDS)


def first_notice(ctx: Context, agents: Iterable[Agent]) -> str:
    """Said once per instance, when the first of such agents is started; else empty."""
    names = unattended(agents)
    if not names:
        return ""
    try:
        (ctx.settings.data_dir / "told-unattended").touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return ""
    return (
        f"{', '.join(names)}: agents run as you, without asking: they can do what you can do "
        "(said once; SECURITY.md)"
    )
