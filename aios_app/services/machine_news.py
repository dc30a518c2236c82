"""What this machine tells the others: that it is there, how busy it is, which agents it can start."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from typing import Any

from aios_app.agents import module_for
from aios_app.domain.machines import BEAT_MS
from aios_app.domain.models import Agent
from aios_app.services.claim import dispatch, limit_left
from aios_app.services.context import Context
from aios_app.stack.login_shell import login_environment
from aios_app.stack.machine import machine_facts

#: Seconds between two starts of the login shell, which says where programs are.
_SHELL_S = 3600.0


class Herald:
    """Speaks once a minute while anybody hears it. Belongs to one thread."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._next_s = 0.0
        self._shell_s = 0.0
        self._environment: dict[str, str] = {}
        self._is_known = False
        self._agents_told: Mapping[str, str] = {}

    def speak(self) -> float | None:
        """Tells the others what is due; seconds until it is again, None where nobody hears it."""
        if not self._has_hearers():
            self._next_s = 0.0
            return None
        left_s = self._next_s - time.monotonic()
        if left_s > 0:
            return left_s
        facts = self._facts()
        self._ctx.ledger.registry.beat(self._ctx.machine, facts=json.dumps(facts))
        self._look_at_waiting(facts["agents"])
        # What others have given away is known here, too, should the ledger be lost.
        self._ctx.catalog.note_numbers(*self._ctx.ledger.registry.last_numbers())
        self._next_s = time.monotonic() + BEAT_MS / 1000
        self._greet()
        return BEAT_MS / 1000

    def _look_at_waiting(self, agents: Mapping[str, str]) -> None:
        """Jobs may have waited for what this machine can do now, or for one that is not there any more."""
        machines = self._ctx.ledger.machines_known()
        there = [one.id for one in machines if one.is_there]
        if agents != self._agents_told or min(there, default="") == self._ctx.machine:
            dispatch(self._ctx)
            limit_left(self._ctx, machines)
        self._agents_told = agents

    def _greet(self) -> None:
        """A machine that was alone until now has not spoken yet."""
        if not self._is_known:
            for other in self._ctx.ledger.machines_known():
                if not other.beat_ms:
                    self._ctx.queue.send_wake(other.id)
            self._is_known = True

    def hurry(self) -> None:
        """All is told again at the next opportunity: another server may answer now."""
        self._next_s = 0.0

    def fall_silent(self) -> None:
        """Says that this machine stops."""
        if self._has_hearers():
            self._ctx.ledger.registry.leave(self._ctx.machine)

    def _has_hearers(self) -> bool:
        """A member may be the only machine where jobs run: the one that it is steered from hears it."""
        return self._ctx.settings.is_member or self._ctx.ledger.registry.count() > 1

    def _facts(self) -> dict[str, Any]:
        if time.monotonic() >= self._shell_s:
            self._environment = login_environment(self._ctx.settings) or dict(os.environ)
            self._shell_s = time.monotonic() + _SHELL_S
        agents = {agent.key: why_not_ready(self._ctx, agent, self._environment) for agent in self._agents()}
        return machine_facts() | {"agents": agents}

    def _agents(self) -> list[Agent]:
        return [agent for agent in self._ctx.catalog.agents() if agent.argv]


def why_not_ready(ctx: Context, agent: Agent, environment: Mapping[str, str]) -> str:
    """Empty where the agent's program is here and logged in; else what is missing."""
    if shutil.which(agent.argv[0], path=environment.get("PATH")) is None:
        return f"{agent.argv[0]} is not installed"
    needs = module_for(agent).ready(ctx.settings.home, environment)
    return next((need.says for need in needs if need.ok is False), "")
