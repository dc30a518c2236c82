"""Begin what may begin: the one place that moves queued jobs on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from aios_app.domain.machines import Machine, MachineState
from aios_app.domain.placing import by_room, offered, why_blocked, why_nowhere
from aios_app.ledger.ledger import Claim, Offer
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.context import Context
from aios_app.services.timers import SKIP

logger = logging.getLogger(__name__)

#: The queue of the jobs that any machine may take.
_ANY = ""


def dispatch(ctx: Context) -> None:
    """Claims slots on every machine and sends the claimed jobs' tasks; asks idle agents to make room.

    Called after each start, end, retry and reconcile. Safe to call at any time, from several processes.
    """
    ids = ctx.ledger.machines()
    if len(ids) > 1:
        _dispatch_cluster(ctx, ctx.ledger.machines_known())
        return
    for machine in ids:
        claim = ctx.ledger.claim(machine)
        _carry_out(ctx, machine, claim)
        ctx.ledger.say_waits(_ANY, {**claim.lacks, **claim.waits})


def _dispatch_cluster(ctx: Context, machines: Sequence[Machine]) -> None:
    """Each machine that answers takes its own jobs; those that any may take go where the most room is."""
    blocked = {one.id: why_blocked(one, MESSAGE_VERSION) for one in machines}
    asked = by_room(one for one in machines if not blocked[one.id])
    shared = len(ctx.ledger.waiting(_ANY))
    connected = ctx.ledger.registry.connected() if shared else set()
    takers = [one for one in asked if one.id in connected]
    with_room = [one for one in takers if one.room]
    if len(with_room) > 1:  # nobody takes all of them while others have room
        for one in with_room:
            _ask(ctx, one, machines, most=-(-shared // len(with_room)))
    claims = {one.id: _ask(ctx, one, machines, most=shared if one in takers else 0) for one in asked}
    for one in machines:
        if blocked[one.id]:
            _explain(ctx, one, blocked[one.id])
    if left := ctx.ledger.waiting(_ANY):
        away = blocked | {one.id: "its worker is not there" for one in asked if one not in takers}
        ctx.ledger.say_waits(_ANY, _reasons(ctx, left, machines, away, claims))


def _ask(ctx: Context, machine: Machine, machines: Sequence[Machine], *, most: int) -> Claim:
    others = [one.id for one in machines if one.id != machine.id] if most else []
    offer = Offer(
        most=most,
        placed=offered(machine, machines),
        agents=machine.facts.get("agents", {}),
        closing=ctx.ledger.closing(others) if others else 0,
    )
    claim = ctx.ledger.claim(machine.id, offer)
    _carry_out(ctx, machine.id, claim)
    return claim


def _carry_out(ctx: Context, machine: str, claim: Claim) -> None:
    # A project's jobs share its lock and its fetch: side by side they would only wait for each other.
    ctx.queue.send_attempts(sorted(claim.begins, key=lambda job: job.instance))
    for job in claim.closes:
        ctx.queue.send_end(job, "close")
    if claim.is_later:
        _wake_clock(ctx, machine)
    if claim.begins:
        logger.info("sent", extra={"machine": machine, "job_ids": [job.number for job in claim.begins]})


def _explain(ctx: Context, machine: Machine, why: str) -> None:
    """The machine's own jobs wait for it; their stages no longer than ``--skip-waiting`` says."""
    if machine.is_there and machine.state is MachineState.DRAINED:
        _carry_out(ctx, machine.id, ctx.ledger.claim(machine.id, Offer(most=0, only_resumed=True)))
    numbers = ctx.ledger.waiting(machine.id)
    ctx.ledger.say_waits(machine.id, dict.fromkeys(numbers, f"for machine {machine.name}: {why}"))
    runs: dict[int, int] = {}
    for job in ctx.ledger.jobs(numbers):
        if job.run not in runs:
            runs[job.run] = int(ctx.ledger.run(job.run)["skip_waiting_s"])
        if runs[job.run]:
            due_ms = ctx.ledger.now_ms() + 1000 * runs[job.run]
            ctx.ledger.set_timer(ctx.machine, SKIP, job.attempt, due_ms, is_movable=False)
            _wake_clock(ctx, ctx.machine)


def _reasons(
    ctx: Context,
    numbers: Iterable[int],
    machines: Sequence[Machine],
    blocked: Mapping[str, str],
    claims: Mapping[str, Claim],
) -> dict[int, str]:
    """Of each job that no machine took: why the first that could did not, else why none can."""
    waits = {number: why for claim in reversed(list(claims.values())) for number, why in claim.waits.items()}
    names = {one.id: one.name for one in machines}
    away = {names[machine]: why for machine, why in blocked.items() if why}
    reasons = {}
    for job in ctx.ledger.jobs(numbers):
        lacks = {
            names[m]: claim.lacks[job.number] for m, claim in claims.items() if job.number in claim.lacks
        }
        if job.number in waits or not (lacks or away):
            reasons[job.number] = waits.get(job.number, "for a free slot")
        elif len(lacks) + len(away) == len(names):
            reasons[job.number] = why_nowhere(job.agent, lacks, away)
    return reasons


def _wake_clock(ctx: Context, machine: str) -> None:
    """The machine's worker looks at its timers again: there is an earlier one."""
    if ctx.is_worker and machine == ctx.machine:
        ctx.alarm.set()
    else:
        ctx.queue.send_wake(machine)
