"""The machines of the cluster: list them, give one no more work, take one out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aios_app.agents import install_check
from aios_app.domain.errors import NotNow
from aios_app.domain.landing import Outcome
from aios_app.domain.machines import Machine, MachineState
from aios_app.domain.models import LIVE_STATES, Job, JobState
from aios_app.domain.placing import why_blocked
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.finish_job import ANY_OPEN
from aios_app.services.line_up import leave_line
from aios_app.services.project_places import machine_named
from aios_app.services.records import record
from aios_app.stack.machine import machine_facts

logger = logging.getLogger(__name__)

#: What a removed machine takes with it: nobody else has the worktree.
_LOST_WITH_IT = (*LIVE_STATES, JobState.REVIEW)


def list_machines(ctx: Context) -> dict[str, Any]:
    """All machines by name, each with why it takes no jobs, if so."""
    owner = ctx.ledger.registry.owner()
    known = [_with_facts(ctx, machine) for machine in ctx.ledger.machines_known()]
    machines = [
        _shown(machine, is_owner=machine.id == owner, is_here=machine.id == ctx.machine) for machine in known
    ]
    return {"now_ms": ctx.ledger.now_ms(), "machines": machines}


def _with_facts(ctx: Context, machine: Machine) -> Machine:
    """Of this one they are asked, as it tells none while it is alone."""
    if machine.id != ctx.machine or machine.facts:
        return machine
    agents = {agent.key: install_check(agent) or "" for agent in ctx.catalog.agents()}
    return replace(machine, facts=machine_facts() | {"agents": agents})


def brief_machines(ctx: Context) -> list[dict[str, Any]]:
    """What a list of jobs needs of the machines; nothing where there is one alone."""
    known = ctx.ledger.machines_known() if ctx.ledger.registry.count() > 1 else []
    return [{"id": one.id, "name": one.name, "unreachable_ms": one.unreachable_ms} for one in known]


def drain_machine(ctx: Context, *, name: str) -> dict[str, Any]:
    """The machine takes no new jobs; what it has goes on. Refused where there is no other one."""
    if ctx.ledger.registry.count() < 2:
        raise NotNow("this is the only machine: nothing would begin anywhere. aios stop ends what runs")
    return _set_state(ctx, name, MachineState.DRAINED)


def resume_machine(ctx: Context, *, name: str) -> dict[str, Any]:
    """The machine takes jobs again."""
    return _set_state(ctx, name, MachineState.ACTIVE)


def remove_machine(ctx: Context, *, name: str, is_confirmed: bool) -> dict[str, Any]:
    """Takes the machine out: it does not come back by itself, and what only it has is lost to the others.

    Unconfirmed it says which jobs that would be, and changes nothing.
    """
    machine = machine_named(ctx, name)
    _check_can_go(ctx, machine)
    theirs = (job for job in ctx.ledger.jobs_in(_LOST_WITH_IT) if job.machine == machine.id)
    jobs = sorted(theirs, key=lambda job: job.number)
    if not is_confirmed:
        return {"machine": _shown(machine), "jobs": [job.to_json() for job in jobs], "is_removed": False}
    ctx.ledger.registry.remove(machine.id)
    if ctx.settings.redis_url is None and ctx.settings.redis_password:
        ctx.ledger.registry.members.dismiss(machine.id)
    ctx.ledger.registry.members.disconnect(machine.id)
    logger.warning("removed", extra={"machine": machine.id})
    lost = [_lose(ctx, job, machine.name) for job in jobs]
    _pass_over_landings(ctx, machine, lost)
    return {"machine": _shown(machine), "jobs": [job.to_json() for job in lost], "is_removed": True}


def _check_can_go(ctx: Context, machine: Machine) -> None:
    owner = ctx.ledger.registry.owner()
    if machine.id == owner:
        raise NotNow(f"the cluster's Redis belongs to {machine.name}: it stays, or the cluster ends with it")
    if ctx.settings.is_member and owner:
        founder = ctx.ledger.registry.find(owner)
        raise NotNow(
            f"only where the cluster's Redis is: aios machines remove on {founder.name if founder else owner}"
        )
    if machine.id == ctx.machine:
        raise NotNow("this is the machine that you are on: remove it from another one")


def _set_state(ctx: Context, name: str, state: MachineState) -> dict[str, Any]:
    machine = machine_named(ctx, name)
    ctx.ledger.registry.write(machine.id, state=state)
    dispatch(ctx)
    return {"machine": _shown(machine_named(ctx, machine.id))}


def _lose(ctx: Context, job: Job, machine: str) -> Job:
    cause = f"its machine {machine} was removed"
    moved = ctx.ledger.move(job.attempt, ANY_OPEN, JobState.LOST, finishes=True, ends=True, cause=cause)
    if not moved:  # in review, its agent closed
        ctx.ledger.settle(job.number, {JobState.REVIEW}, JobState.LOST, cause=cause)
    return record(ctx, job.number)


def _pass_over_landings(ctx: Context, machine: Machine, jobs: Sequence[Job]) -> None:
    for job in jobs:
        landing = ctx.ledger.lines.landing(job.number)
        if landing is not None and landing.outcome is None:
            words = f"not landed: its machine {machine.name} was removed"
            leave_line(ctx, landing.evolve(outcome=Outcome.FAILED, problem=words), words)


def _shown(machine: Machine, *, is_owner: bool = False, is_here: bool = False) -> dict[str, Any]:
    facts = machine.facts
    agents = facts.get("agents", {})
    return {
        "id": machine.id,
        "name": machine.name,
        "address": machine.address,
        "port": machine.port,
        "version": machine.version,
        "state": str(machine.state),
        "max_agents": machine.max_agents,
        "slots": machine.slots,
        "load": facts.get("load", 0),
        "cores": facts.get("cores", 0),
        "memory_bytes": facts.get("memory_bytes", 0),
        "available_bytes": facts.get("available_bytes", 0),
        "agents": sorted(key for key, problem in agents.items() if not problem),
        "missing": {key: problem for key, problem in sorted(agents.items()) if problem},
        "beat_ms": machine.beat_ms,
        "unreachable_ms": machine.unreachable_ms,
        "takes_no_jobs": why_blocked(machine, MESSAGE_VERSION),
        "has_redis": is_owner,
        "is_here": is_here,
    }
