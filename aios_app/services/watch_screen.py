"""Decide by one look at the screen what an agent does not say itself."""

from __future__ import annotations

from aios_app.agents import Look, module_for
from aios_app.domain.models import Finishes, Job, JobState
from aios_app.ledger.ledger import Attempt
from aios_app.services.announce import announce
from aios_app.services.context import Context
from aios_app.services.finish_job import AT_WORK, finish_turn, measure
from aios_app.services.lanes import park_if_limited
from aios_app.services.records import record
from aios_app.services.timers import SKIP, START, START_S, set_timer
from aios_app.tmux.server import SessionInfo

#: Seconds after which an agent that never said that it works needs a person.
_MUTE_S = 60.0
_INTERRUPTED = "interrupted"


def look_at_silent(ctx: Context) -> None:
    """Looks at each session that tmux calls silent; its watch is off until the next input."""
    for session in ctx.tmux.sessions():
        attempt = ctx.ledger.attempt(session.marks.get("attempt", ""))
        if not session.is_silent or attempt is None or attempt.is_over:
            continue
        job = ctx.ledger.job_of(attempt)
        agent = ctx.ledger.run_agent(job.run, job.agent_key)
        speaks = module_for(agent).speaks
        if not speaks and (job.finishes is not Finishes.SILENCE or job.state is not JobState.RUNNING):
            continue
        ctx.tmux.watch_silence(job.name, 0)
        if job.state is not JobState.RUNNING or attempt.is_busy:
            continue
        look = _look(ctx, job, session)
        if look.state == "running":
            ctx.tmux.watch_silence(job.name, agent.idle_after_s)
        elif look.state == "review":
            finish_turn(ctx, attempt, message=_INTERRUPTED if speaks else "")
            measure(ctx, job.number)
        else:
            obey(ctx, job, attempt, look)


def look_at_start(ctx: Context, attempt: Attempt) -> None:
    """Looks at an agent that has not said yet that it works: a dialog may stand in its way."""
    job = ctx.ledger.job_of(attempt)
    session = ctx.tmux.find(job.name)
    if session is None or job.state not in AT_WORK:
        return
    look = _look(ctx, job, session)
    is_mute = ctx.ledger.now_ms() - job.since_ms > 1000 * _MUTE_S
    if look.state in {"failed", "waiting"}:
        obey(ctx, job, attempt, look)
    elif is_mute and look.state == "review":
        ask(ctx, attempt, f"it has not begun: look at it with aios attach {job.number}")
    elif not is_mute:
        set_timer(ctx, START, attempt.id, START_S)


def look_at_rest(ctx: Context, attempt: Attempt) -> None:
    """Looks at an agent that failed in something, or stopped without a word: has it given up, and why."""
    job = ctx.ledger.job_of(attempt)
    session = ctx.tmux.find(job.name)
    if session is None or job.state is not JobState.RUNNING:
        return
    look = _look(ctx, job, session)
    if look.state == "review" and attempt.trouble:
        give_up(ctx, job, attempt.trouble)
    elif look.state == "review":
        finish_turn(ctx, attempt, message=_INTERRUPTED)
        measure(ctx, job.number)
    elif look.state != "running":
        obey(ctx, job, attempt, look)


def obey(ctx: Context, job: Job, attempt: Attempt, look: Look) -> None:
    """Says of the job what the screen says of its agent, where that cannot work on by itself."""
    if look.state == "failed":
        give_up(ctx, job, look.text)
    else:
        ask(ctx, attempt, look.text)


def ask(ctx: Context, attempt: Attempt, question: str) -> None:
    """The agent waits for a person; its stage waits no longer than the run says."""
    job = ctx.ledger.job_of(attempt)
    words = question or job.question or "it asks for something"
    if not ctx.ledger.move(attempt.id, AT_WORK, JobState.WAITING, question=words[:500]):
        return
    record(ctx, job.number)
    announce(ctx, job.number)
    skip_s = int(ctx.ledger.run(job.run)["skip_waiting_s"])
    if skip_s:
        set_timer(ctx, SKIP, attempt.id, skip_s)


def give_up(ctx: Context, job: Job, cause: str) -> None:
    """The agent cannot work: it is ended and has failed, unless a person is at it and can see to it."""
    park_if_limited(ctx, job, cause)
    session = ctx.tmux.find(job.name)
    attempt = ctx.ledger.attempt(job.attempt)
    if attempt is not None and session is not None and session.attached:
        ask(ctx, attempt, cause)
    else:
        ctx.queue.send_end(job, cause)


def _look(ctx: Context, job: Job, session: SessionInfo) -> Look:
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    return module_for(agent).look(ctx.tmux.capture(job.name), session.title)
