"""Make the ledger true again: after a crash, a restart, or the loss of Redis."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from aios_app.domain.errors import NotLetIn
from aios_app.domain.machines import MachineState
from aios_app.domain.models import Job, JobState
from aios_app.ledger.members import user_name
from aios_app.services.catalogue_sync import share_catalogue, was_shared
from aios_app.services.check_job import PENDING
from aios_app.services.claim import dispatch
from aios_app.services.config import note_machine
from aios_app.services.context import Context
from aios_app.services.end_job import end_job, ended_state, lost_words
from aios_app.services.finish_job import finish_attempt, measure
from aios_app.services.line_up import send_landings
from aios_app.services.records import attempt_dir, newest_run, read_job
from aios_app.services.restore_ledger import (
    JOBS_LEFT_OUT,
    RUNS_LEFT_OUT,
    restore_ledger,
    tell_own_jobs,
)
from aios_app.services.timers import GONE, set_timer
from aios_app.spool.files import pending_attempts
from aios_app.spool.launch import has_begun, wrapped_attempts
from aios_app.stack.cluster import check_not_removed, note_removed

logger = logging.getLogger(__name__)

#: Seconds that a wrapper has to say how its agent ended once its session is gone; it kills the agent after 5.
LAST_WORDS_S = 8.0

_ENDED_STATES = (JobState.REVIEW, JobState.FAILED, JobState.STOPPED)
_OPEN_STATES = (JobState.PREPARING, JobState.RUNNING, JobState.WAITING, JobState.REVIEW)


def ensure_ledger(ctx: Context, *, owns: bool = False) -> None:
    """Opens the ledger; where Redis holds none, makes it and writes back all that is recorded on disk.

    No number is given before the counters stand where they stood. ``owns``: this AIOS is the one that the
    database belongs to, and ``InstanceBusy`` says that another one is; a worker and a member only join.
    """
    last_run, last_job = ctx.catalog.last_numbers()
    instance = ctx.machine if owns and not ctx.settings.is_member else ""
    with _alone(ctx), _learning_of_removal(ctx):
        made = ctx.ledger.open(instance=instance, last_run=last_run, last_job=last_job)
        _check_is_wanted(ctx)
        if made and was_shared(ctx):
            ctx.ledger.open(instance="", last_run=last_run + RUNS_LEFT_OUT, last_job=last_job + JOBS_LEFT_OUT)
        if made or not ctx.ledger.machine(ctx.machine).get("name") or _fell_behind(ctx):
            restore_ledger(ctx)
    note_machine(ctx)


def _fell_behind(ctx: Context) -> bool:
    """A server that took over may not have been told of this machine's last runs."""
    newest = newest_run(ctx.settings)
    return bool(newest) and not ctx.ledger.run(newest)


def _check_is_wanted(ctx: Context) -> None:
    if ctx.ledger.machine(ctx.machine).get("state") == MachineState.REMOVED:
        _take_leave(ctx)


@contextmanager
def _learning_of_removal(ctx: Context) -> Iterator[None]:
    """The user that a machine was given when it joined is refused only once the machine was removed."""
    try:
        yield
    except NotLetIn:
        if urlsplit(ctx.settings.redis_url or "").username == user_name(ctx.machine):
            _take_leave(ctx)
        raise


def _take_leave(ctx: Context) -> None:
    note_removed(ctx.settings)
    check_not_removed(ctx.settings)


def reconcile(ctx: Context) -> None:
    """Compares ledger, queue, tmux and spool of this machine, and repairs what a crash left between them.

    What lives is adopted, what is gone is said to be, what was never sent is sent.
    """
    ensure_ledger(ctx)
    share_catalogue(ctx)
    tell_own_jobs(ctx)
    check_sessions(ctx)
    _end_again(ctx)
    _resend(ctx)
    for attempt_id in ctx.ledger.unreported(ctx.machine):
        attempt = ctx.ledger.attempt(attempt_id)
        if attempt is None:
            ctx.ledger.note_reported(ctx.machine, attempt_id)
        else:
            ctx.queue.send_spawn(ctx.ledger.job_of(attempt), attempt_id)
    ctx.ledger.forget_closing(ctx.machine)
    dispatch(ctx)
    send_landings(ctx)
    for job in ctx.ledger.jobs_in(_ENDED_STATES):
        if job.machine == ctx.machine and (job.measured_ms < job.since_ms or job.check in PENDING):
            measure(ctx, job.number)


def check_sessions(ctx: Context) -> None:
    """Ends the attempts whose session is gone without a word.

    A wrapper that lives still says itself how its agent ended, with the cause that only it knows.
    """
    # The ledger is read first: what it calls open then had its session before the list of sessions is taken.
    jobs = [job for job in ctx.ledger.jobs_in(_OPEN_STATES) if _had_session(ctx, job)]
    if not jobs:
        return
    alive = {session.marks.get("attempt") for session in ctx.tmux.sessions()}
    gone = [job for job in jobs if job.attempt not in alive]
    # What still speaks is looked for before what has spoken: the last words fall between the two looks.
    speaking = wrapped_attempts() if gone else set()
    told = pending_attempts(ctx.settings.spool_dir)
    for job in gone:
        if job.attempt in speaking:
            set_timer(ctx, GONE, job.attempt, LAST_WORDS_S)
        elif job.attempt not in told:
            _end_lost(ctx, job)


def _had_session(ctx: Context, job: Job) -> bool:
    is_ours = job.machine == ctx.machine and job.is_open
    return is_ours and (job.state is not JobState.PREPARING or has_begun(attempt_dir(ctx.settings, job)))


def _end_lost(ctx: Context, job: Job) -> None:
    attempt = ctx.ledger.attempt(job.attempt)
    if attempt is not None and not attempt.is_over:
        state, cause = _known_end(ctx, job) or _lost(job, attempt.ending)
        finish_attempt(ctx, attempt, state, cause)


def _known_end(ctx: Context, job: Job) -> tuple[JobState, str] | None:
    """How it ended by this machine's record, of which a server that took over may not have been told."""
    known = read_job(ctx.settings, job.number)
    if known is None or known.attempt != job.attempt or known.is_open or known.state not in _ENDED_STATES:
        return None
    return known.state, known.cause


def _end_again(ctx: Context) -> None:
    """Ends the sessions whose end was asked for and cut off."""
    for session in ctx.tmux.sessions():
        attempt = ctx.ledger.attempt(session.marks.get("attempt", ""))
        if attempt is not None and attempt.ending and not attempt.is_over:
            end_job(ctx, attempt.id, attempt.ending)


def _lost(job: Job, ending: str) -> tuple[JobState, str]:
    if ending:
        return ended_state(job, ending)
    return (JobState.REVIEW, "") if job.state is JobState.REVIEW else (JobState.FAILED, lost_words(job))


def _resend(ctx: Context) -> None:
    """Sends the tasks of claimed jobs again that are neither in the queue nor have a session."""
    jobs = [job for job in ctx.ledger.jobs_in([JobState.PREPARING]) if job.machine == ctx.machine]
    if not jobs:
        return
    pending = ctx.queue.pending_attempts(ctx.machine)
    alive = {session.marks.get("attempt") for session in ctx.tmux.sessions()}
    lost = [job for job in jobs if job.attempt not in pending and job.attempt not in alive]
    if lost:
        logger.warning("sent again", extra={"job_ids": [job.number for job in lost]})
    ctx.queue.send_attempts(lost)


@contextmanager
def _alone(ctx: Context) -> Iterator[Any]:
    """One process of this instance at a time opens or rebuilds the ledger."""
    ctx.settings.locks_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(ctx.settings.locks_dir / "ledger", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
