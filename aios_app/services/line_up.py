"""The line of landings: who lands next, and what becomes of a head that does not go on."""

from __future__ import annotations

import logging

from aios_app.domain.landing import Landing, Outcome
from aios_app.ledger.lines import Head, Moved
from aios_app.services.context import Context
from aios_app.services.records import read_landings, write_landing
from aios_app.services.timers import LINE

logger = logging.getLogger(__name__)

#: Milliseconds that a head has until its first step: its machine's worker may only just be starting.
START_MS = 180_000


def join_line(ctx: Context, landing: Landing) -> bool:
    """The landing takes its place, and is sent where that is the first. False: its job has one already."""
    moved = ctx.ledger.lines.join(landing, lease_ms=START_MS)
    return _follow_up(ctx, landing, moved)


def pass_line(ctx: Context, landing: Landing, words: str) -> bool:
    """The landing's work is on its branch, and the next one begins while it clears up. False: as below."""
    moved = ctx.ledger.lines.pass_on(landing, words, lease_ms=START_MS)
    return _follow_up(ctx, landing, moved)


def leave_line(ctx: Context, landing: Landing, words: str, *, only_if_late: bool = False) -> bool:
    """The landing is over, ``words`` say how, and the next one begins. False: it was passed over."""
    moved = ctx.ledger.lines.leave(landing, words, lease_ms=START_MS, only_if_late=only_if_late)
    return _follow_up(ctx, landing, moved)


def send_landings(ctx: Context) -> None:
    """Sends those that stand first, and those of this machine that clear up; one at work does not notice.

    Of other machines too: a worker that died when it left a line has told nobody who is next.
    """
    for head in ctx.ledger.lines.heads():
        _send(ctx, head.job, head.machine)
    for job in ctx.ledger.jobs(ctx.ledger.lines.clearing()):
        if job.machine == ctx.machine:
            _send(ctx, job.number, job.machine)


def look_at_line(ctx: Context, line: str) -> None:
    """The head's time may be over: another machine's is passed over, one of this machine is sent again."""
    head = ctx.ledger.lines.head(line)
    if head is None:
        return
    now_ms = ctx.ledger.now_ms()
    if head.until_ms > now_ms:
        ctx.ledger.set_timer(ctx.machine, LINE, line, head.until_ms)
    elif head.machine == ctx.machine:
        _send(ctx, head.job, head.machine)
        ctx.ledger.set_timer(ctx.machine, LINE, line, now_ms + START_MS)
    else:
        _pass_over(ctx, head)


def restore_lines(ctx: Context) -> None:
    """Puts the landings that were not over back into their lines, as they stood; knows the others again."""
    for landing in sorted(read_landings(ctx.settings), key=lambda landing: landing.asked_ms):
        if landing.outcome is None:
            ctx.ledger.lines.join(landing, lease_ms=START_MS)
        else:
            ctx.ledger.lines.remember(landing)


def _pass_over(ctx: Context, head: Head) -> None:
    landing = ctx.ledger.lines.landing(head.job)
    if landing is None or landing.id != head.landing:
        return
    machine = ctx.ledger.machine(head.machine).get("name") or head.machine
    problem = f"the landing did not go on: {machine} does not answer. Its worktree stays there"
    failed = landing.evolve(outcome=Outcome.FAILED, problem=problem)
    if leave_line(ctx, failed, problem, only_if_late=True):
        logger.warning("passed over", extra={"job_id": head.job, "machine": head.machine})


def _follow_up(ctx: Context, landing: Landing, moved: Moved | None) -> bool:
    """Its record on disk is what a lost ledger gets the landing back from."""
    if moved is None:
        return False
    write_landing(ctx.settings, landing)
    head = ctx.ledger.lines.head(landing.line) if moved.has_new_head else None
    if head is not None:
        _send(ctx, head.job, head.machine)
    if moved.watcher == ctx.machine and ctx.is_worker:
        ctx.alarm.set()
    elif moved.watcher:
        ctx.queue.send_wake(moved.watcher)
    return True


def _send(ctx: Context, number: int, machine: str) -> None:
    landing = ctx.ledger.lines.landing(number)
    if landing is not None:
        ctx.queue.send_landing(landing, machine)
