"""Type into running agents, and prove that they took it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from aios_app.domain.errors import AiosError, BadValue, UsageError
from aios_app.domain.models import Finishes, Job, JobState
from aios_app.domain.naming import title_of
from aios_app.ledger.ledger import Attempt
from aios_app.services.attach_job import await_session, bring_back
from aios_app.services.check_job import end_check
from aios_app.services.context import Context
from aios_app.services.drafts import has_draft, is_input_filled, is_typing
from aios_app.services.records import record
from aios_app.services.timers import IDLE
from aios_app.stack.waiting import tries
from aios_app.tmux.server import SessionInfo, check_typed

#: Seconds in which an agent at its prompt says that it took the text, and in which a screen shows it.
_PROOF_S = 5.0
_BUSY_PROOF_S = 1.5
_SHOWN_S = 2.0
#: A program that is started takes no text before its screen has stood still for so long.
_YOUNG_S = 5.0
_STILL_S = 0.8
_BLANK_S = 2.5
_REDRAWN_S = 2.0
_SETTLE_S = 10.0
_AT_ONCE = 8
_SEEN_CHARS = 16
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is typed: a text, with Enter after it if it is submitted, or keys by tmux's names."""

    text: str = ""
    is_submitted: bool = True
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of it, in words; ``turns`` is how many were over before."""

    job: Job
    is_delivered: bool
    message: str
    turns: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "job": self.job.to_json(),
            "is_delivered": self.is_delivered,
            "message": self.message,
            "turns": self.turns,
        }


def send_text(ctx: Context, jobs: Sequence[Job], message: Message) -> list[Delivery]:
    """Types into each job's agent, some at once; one that was closed is brought back first."""
    check_message(message)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda job: deliver(ctx, job, message), jobs))


def check_message(message: Message) -> None:
    """Raises ``UsageError`` for what could never be typed."""
    check_typed(message.text)
    if bool(message.text) == bool(message.keys):
        raise UsageError("send a text, or keys")
    for key in message.keys:
        if not _KEY.fullmatch(key):
            raise BadValue(f"{key[:20]!r} is no key: Enter, Escape, Up, C-c, y and the like")


def deliver(ctx: Context, job: Job, message: Message) -> Delivery:
    """Types into the agent of one job and waits, some seconds at most, for the proof."""
    try:
        job, _ = bring_back(ctx, job)
        job = await_session(ctx, job) if job.state is JobState.PREPARING else job  # its setup is at work
        with ctx.locks.hold(job.number):
            is_delivered, words = _deliver(ctx, job, message)
    except AiosError as error:
        is_delivered, words = False, f"not delivered: {error}"
    now = ctx.ledger.job(job.number) or job
    return Delivery(job=now, is_delivered=is_delivered, message=words, turns=job.turns)


def _deliver(ctx: Context, job: Job, message: Message) -> tuple[bool, str]:
    attempt, session = ctx.ledger.attempt(job.attempt), ctx.tmux.find(job.name)
    if attempt is None or session is None:
        return False, "not delivered: its session is gone"
    if time.time() - session.created_s < _YOUNG_S and not (job.attempt_no == 1 and job.turns):
        _settle(ctx, job)
    if _is_taken(ctx, job, message, attempt, session):
        return False, f"not delivered: somebody is typing there (aios attach {job.number})"
    if message.keys:
        return _press(ctx, job, message.keys)
    return _paste(ctx, job, message)


def _is_taken(ctx: Context, job: Job, message: Message, attempt: Attempt, session: SessionInfo) -> bool:
    if is_typing(ctx, job):
        return True
    rests = job.state is JobState.REVIEW and bool(message.text)
    # A screen that is drawn anew for another size looks like a draft for a moment; a draft stays.
    return rests and not _within(_REDRAWN_S, lambda: not has_draft(ctx, job, attempt, session))


def _press(ctx: Context, job: Job, keys: Sequence[str]) -> tuple[bool, str]:
    before = ctx.tmux.capture(job.name)
    ctx.tmux.send_keys(job.name, keys)
    is_seen = _is_changed(ctx, job, before, _SHOWN_S)
    return True, "keys delivered" + ("" if is_seen else ", nothing changed on its screen")


def _paste(ctx: Context, job: Job, message: Message) -> tuple[bool, str]:
    before = ctx.tmux.capture(job.name)
    ctx.tmux.paste(job.name, message.text, submit=False)
    is_resting = job.finishes is Finishes.TURN and job.state is JobState.REVIEW
    if is_resting and not _within(_PROOF_S, lambda: _shows(ctx.tmux.capture(job.name), message.text)):
        return False, f"not delivered: its screen shows none of it (aios attach {job.number})"
    is_shown = is_resting or _is_changed(ctx, job, before, _SHOWN_S)
    if not message.is_submitted:
        return (
            is_shown,
            "in its input, not submitted" if is_shown else "not delivered: its screen shows none of it",
        )
    shown = ctx.tmux.capture(job.name)
    ctx.tmux.paste(job.name, "", submit=True)
    return _proof(ctx, job, shown)


def _proof(ctx: Context, job: Job, shown: str) -> tuple[bool, str]:
    if job.finishes is not Finishes.TURN:
        if not _is_changed(ctx, job, shown, _PROOF_S):
            return False, "not proven: its screen did not change after Enter"
        _begin_turn(ctx, job)
        return True, "delivered"
    is_busy = job.state is JobState.RUNNING
    if _said_so(ctx, job, _BUSY_PROOF_S):
        return True, "delivered"
    if not is_busy and is_input_filled(ctx, job):
        ctx.tmux.paste(job.name, "", submit=True)  # an agent that has just started may swallow an Enter
    if not is_busy and _said_so(ctx, job, _PROOF_S):
        return True, "delivered"
    if ctx.tmux.capture(job.name) == shown or (not is_busy and is_input_filled(ctx, job)):
        return False, f"not submitted: it stands in its input (aios attach {job.number})"
    return True, "delivered, it reads it when it is done" if is_busy else "delivered, by its screen"


def _shows(screen: str, text: str) -> bool:
    """Whether the text, or what agents show in the place of a long one, is on the screen."""
    squeezed = "".join(screen.split())
    return "".join(title_of(text).split())[:_SEEN_CHARS] in squeezed or "[Pasted" in screen


def _said_so(ctx: Context, job: Job, limit_s: float) -> bool:
    """Whether the agent says in time that it took a prompt, or that a turn is over."""
    deadline = time.monotonic() + limit_s
    while (left_s := deadline - time.monotonic()) > 0:
        after = ctx.ledger.last_event_id()
        now = ctx.ledger.job(job.number)
        if now is None or now.prompts > job.prompts or now.turns > job.turns:
            return now is not None
        ctx.ledger.wait_event(after, timeout_s=left_s)
    return False


def _begin_turn(ctx: Context, job: Job) -> None:
    """Of an agent that says nothing itself: its silence is listened for again."""
    if job.finishes is not Finishes.SILENCE:
        return
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    resting = {JobState.REVIEW, JobState.WAITING}
    if ctx.ledger.move(job.attempt, resting, JobState.RUNNING, prompts=job.prompts + 1):
        end_check(job)
        ctx.ledger.drop_timers(job.machine, job.attempt, [IDLE])
        ctx.tmux.watch_silence(job.name, agent.idle_after_s)
        record(ctx, job.number)


def _is_changed(ctx: Context, job: Job, before: str, limit_s: float) -> bool:
    return _within(limit_s, lambda: ctx.tmux.capture(job.name) != before)


def _settle(ctx: Context, job: Job) -> None:
    """Returns when the screen shows something and has stood still, or after a while."""
    last, since = "", time.monotonic()

    def is_still() -> bool:
        nonlocal last, since
        screen = ctx.tmux.capture(job.name)
        if screen != last:
            last, since = screen, time.monotonic()
        still_s = _STILL_S if screen.strip() else _BLANK_S
        return time.monotonic() - since >= still_s

    _within(_SETTLE_S, is_still)


def _within(limit_s: float, check: Callable[[], bool]) -> bool:
    return any(check() for _ in tries(limit_s))
