"""Begin what may begin: the one place that moves queued jobs on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from aios_app.domain.machines import Machine, MachineState
from aios_app.domain.models import Job, JobState
from aios_app.domain.placing import by_room, offered, why_blocked, why_nowhere
from aios_app.ledger.ledger import Claim, Offer
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.context import Context
from aios_app.services.timers import SKIP

logger = logging.getLogger(__name__)

#: The queue of the jobs that any machine may take.
_ANY = ""
#: Jobs that any machine may take and that are told why they wait: a person reads no more of them.
_MOST_EXPLAINED = 200


def dispatch(ctx: Context, *, only: str = "") -> None:
    """Claims slots on every machine and sends the claimed jobs' tasks; asks idle agents to make room.

    Called after each start, end, retry and reconcile. Safe to call at any time, from several processes.
    ``only``: an agent of this machine has ended or rests, nothing else has changed, and no other is asked.
    """
    ids = ctx.ledger.machines()
    if len(ids) > 1 and only:
        _dispatch_one(ctx, only, ids)
        return
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
    waiting = ctx.ledger.queue_lengths([_ANY, *(one.id for one in machines)])
    connected = ctx.ledger.registry.connected() if waiting[_ANY] else set()
    round_ = _Round(ctx, ctx.ledger.closing([one.id for one in asked]) if waiting[_ANY] else {})
    takers = [one for one in asked if one.id in connected]
    with_room = [one for one in takers if one.room]
    if len(with_room) > 1:  # nobody takes all of them while others have room
        for one in with_room:
            round_.ask(one, most=-(-waiting[_ANY] // len(with_room)))
    for one in asked:
        if waiting[one.id] or one in takers:
            round_.ask(one, most=waiting[_ANY] if one in takers else 0)
    for one in machines:
        if blocked[one.id] and waiting[one.id]:
            _explain(ctx, one, blocked[one.id])
    if left := ctx.ledger.waiting(_ANY, _MOST_EXPLAINED) if waiting[_ANY] else []:
        away = blocked | {one.id: "its worker is not there" for one in asked if one not in takers}
        ctx.ledger.say_waits(_ANY, _reasons(ctx, left, machines, away, round_.claims))


def _dispatch_one(ctx: Context, machine_id: str, ids: Sequence[str]) -> None:
    """One machine of several takes its own jobs, and of those that any may take what it has room for."""
    waiting = ctx.ledger.queue_lengths([_ANY, machine_id])
    machine = ctx.ledger.registry.find(machine_id) if any(waiting.values()) else None
    if machine is None:
        return
    if why := why_blocked(machine, MESSAGE_VERSION):
        _explain(ctx, machine, why)
        return
    is_here = ctx.is_worker and machine_id == ctx.machine
    is_taker = waiting[_ANY] and (is_here or machine_id in ctx.ledger.registry.connected())
    _Round(ctx, ctx.ledger.closing(ids) if is_taker else {}).ask(
        machine, most=waiting[_ANY] if is_taker else 0
    )


class _Round:
    """One look at machines of a cluster, each of which is asked what it takes."""

    def __init__(self, ctx: Context, closing: Mapping[str, int]) -> None:
        self.claims: dict[str, Claim] = {}  #: the last of each
        self._ctx = ctx
        self._closing = dict(closing)

    def ask(self, machine: Machine, *, most: int) -> None:
        others = sum(count for other, count in self._closing.items() if other != machine.id)
        offer = Offer(
            most=most,
            placed=offered(machine),
            agents=machine.facts.get("agents", {}),
            closing=others,
        )
        claim = self.claims[machine.id] = self._ctx.ledger.claim(machine.id, offer)
        self._closing[machine.id] = self._closing.get(machine.id, 0) + len(claim.closes)
        _carry_out(self._ctx, machine.id, claim)


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
    _limit_waits(ctx, ctx.ledger.jobs(numbers))


def is_left(ctx: Context, job: Job) -> bool:
    """Whether the job's machine does not answer, so that nothing is heard of it."""
    machine = ctx.ledger.registry.find(job.machine)
    return machine is not None and not machine.is_there


def limit_left(ctx: Context, machines: Sequence[Machine]) -> None:
    """Also for the jobs at work on machines that do not answer stages wait no longer than runs say."""
    away = {one.id for one in machines if not one.is_there}
    if away:
        jobs = ctx.ledger.jobs_in([JobState.PREPARING, JobState.RUNNING])
        _limit_waits(ctx, [job for job in jobs if job.machine in away])


def _limit_waits(ctx: Context, jobs: Sequence[Job]) -> None:
    runs: dict[int, int] = {}
    for job in jobs:
        if job.run not in runs:
            runs[job.run] = int(ctx.ledger.run(job.run)["skip_waiting_s"])
        if runs[job.run]:
            due_ms = ctx.ledger.now_ms() + 1000 * runs[job.run]
            ctx.ledger.set_timer(ctx.machine, SKIP, job.attempt, due_ms, is_movable=False)
            _wake_clock(ctx, ctx.machine)


def _reasons(
    ctx: Context,
    numbers: Sequence[int],
    machines: Sequence[Machine],
    blocked: Mapping[str, str],
    claims: Mapping[str, Claim],
) -> dict[int, str]:
    """Of each job that no machine took: why the first that could did not, else why none can."""
    waits = {number: why for claim in reversed(list(claims.values())) for number, why in claim.waits.items()}
    names = {one.id: one.name for one in machines}
    away = {names[machine]: why for machine, why in blocked.items() if why}
    reasons = {number: waits[number] for number in numbers if number in waits}
    for job in ctx.ledger.jobs(number for number in numbers if number not in waits):
        lacks = {
            names[m]: claim.lacks[job.number] for m, claim in claims.items() if job.number in claim.lacks
        }
        if len(lacks) + len(away) == len(names):
            reasons[job.number] = why_nowhere(job.agent, lacks, away)
    return reasons


def _wake_clock(ctx: Context, machine: str) -> None:
    """The machine's worker looks at its timers again: there is an earlier one."""
    if ctx.is_worker and machine == ctx.machine:
        ctx.alarm.set()
    else:
        ctx.queue.send_wake(machine)
