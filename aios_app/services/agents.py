"""The agents that a person can start: list, add or change, remove."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aios_app.agents import install_check
from aios_app.domain.errors import BadValue
from aios_app.domain.models import Agent, Finishes
from aios_app.services.catalogue_sync import freshen_catalogue, share_catalogue
from aios_app.services.context import Context


def list_agents(ctx: Context) -> dict[str, Any]:
    """Every agent, with what to do where its program is missing."""
    freshen_catalogue(ctx)
    agents = ctx.catalog.agents()
    return {"agents": [agent.to_json() | {"problem": install_check(agent) or ""} for agent in agents]}


def put_agent(
    ctx: Context,
    *,
    key: str,
    name: str,
    argv: Sequence[str],
    finishes: str | None = None,
    idle_after_s: int | None = None,
    weight: int | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Adds the agent or changes it; what is None stays as it was, or is that of a plain terminal program."""
    old = next((agent for agent in ctx.catalog.agents() if agent.key == key), None)
    base = old or _plain_program(key, name)
    agent = replace(
        base,
        name=name,
        argv=tuple(argv),
        finishes=base.finishes if finishes is None else _finishes(finishes),
        idle_after_s=base.idle_after_s if idle_after_s is None else idle_after_s,
        weight=base.weight if weight is None else _weight(weight),
        kind=base.kind if kind is None else kind,
    )
    saved = ctx.catalog.put_agent(agent)
    share_catalogue(ctx)
    return {"agent": saved.to_json()}


def remove_agent(ctx: Context, *, key: str) -> dict[str, Any]:
    """Forgets the agent; its jobs go on."""
    removed = ctx.catalog.remove_agent(key)
    share_catalogue(ctx)
    return {"agent": removed.to_json()}


def _plain_program(key: str, name: str) -> Agent:
    return Agent(
        uuid=str(uuid.uuid4()), key=key, name=name, kind="generic", argv=(), finishes=Finishes.SILENCE
    )


def _finishes(word: str) -> Finishes:
    try:
        return Finishes(word)
    except ValueError as error:
        raise BadValue(f"'finishes' is one of {', '.join(Finishes)}, not '{word[:40]}'") from error


def _weight(number: int) -> int:
    if number > 1:
        raise BadValue("'weight' is 1, or 0 for a program that takes no place of an agent")
    return number
