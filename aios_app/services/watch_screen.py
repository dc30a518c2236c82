"""Decide by one look at the screen what the silence of a generic agent means."""

from __future__ import annotations

from aios_app.agents import module_for
from aios_app.domain.models import Finishes, JobState
from aios_app.services.context import Context
from aios_app.services.finish_job import finish_turn, measure


def look_at_silent(ctx: Context) -> None:
    """Looks at each session that tmux calls silent; its watch is off until the next input."""
    for session in ctx.tmux.sessions():
        attempt = ctx.ledger.attempt(session.marks.get("attempt", ""))
        if not session.is_silent or attempt is None or attempt.is_over:
            continue
        job = ctx.ledger.job_of(attempt)
        if job.finishes is not Finishes.SILENCE or job.state is not JobState.RUNNING:
            continue
        ctx.tmux.watch_silence(job.name, 0)
        agent = ctx.ledger.run_agent(job.run, job.agent_key)
        look = module_for(agent).look(ctx.tmux.capture(job.name))
        if look.state == "waiting":
            ctx.ledger.move(attempt.id, {JobState.RUNNING}, JobState.WAITING, question=look.question)
        elif look.state == "review":
            finish_turn(ctx, attempt)
            measure(ctx, job.number)
