"""Which machine a job goes to, and what is said of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from aios_app.domain.machines import Machine, MachineState

_MOST_SAID = 300


def by_room(machines: Iterable[Machine]) -> list[Machine]:
    """Those with the most room first: free slots, then load for each core, then memory."""
    return sorted(machines, key=lambda one: (-one.room, _load(one), -_memory(one), one.name, one.id))


def why_blocked(machine: Machine, messages: int) -> str:
    """Why a machine takes no jobs now; empty: it does. ``messages`` is what its worker must understand."""
    if machine.state is MachineState.DRAINED:
        return f"it is drained (aios machines resume {machine.name})"
    if not machine.is_there:
        return unreachable(machine.unreachable_ms)
    if machine.messages not in {0, messages}:
        return f"its AIOS {machine.version} is another one: update it, or this one"
    return ""


def unreachable(since_ms: int) -> str:
    """``unreachable since 22:14``."""
    then = datetime.fromtimestamp(since_ms / 1000, UTC).astimezone()
    return f"unreachable since {then:%H:%M}" if since_ms > 1 else "unreachable"


def offered(machine: Machine) -> str:
    """What a job says of its machine that any of several might have taken."""
    load = machine.facts.get("load")
    said = f"{machine.room} of {machine.max_agents} slots were free there"
    return f"{said}, load {load:g}" if isinstance(load, int | float) else said


def why_nowhere(agent: str, lacks: Mapping[str, str], away: Mapping[str, str]) -> str:
    """Why no machine can take a job of this agent."""
    each = "; ".join(f"{name}: {why}" for name, why in {**lacks, **away}.items())
    said = f"no machine can start {agent} now: {each}"
    return said if len(said) <= _MOST_SAID else said[: _MOST_SAID - 1] + "…"


def _load(machine: Machine) -> float:
    load, cores = machine.facts.get("load"), machine.facts.get("cores")
    return float(load) / (cores or 1) if isinstance(load, int | float) else 0.0


def _memory(machine: Machine) -> int:
    memory = machine.facts.get("available_bytes")
    return memory if isinstance(memory, int) else 0
