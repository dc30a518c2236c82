"""What an agent's own hook said, as far as it concerns this attempt's conversation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aios_app.agents import Heard, module_for
from aios_app.domain.models import Agent, Job, JobState
from aios_app.ledger.ledger import Attempt
from aios_app.services.context import Context
from aios_app.services.finish_job import AT_WORK
from aios_app.services.records import record
from aios_app.services.timers import REST, REST_S, START, set_timer
from aios_app.services.watch_screen import give_up

logger = logging.getLogger(__name__)

_CONVERSATION_CHARS, _PATH_CHARS = 200, 4000
_MESSAGE_CHARS = 4000
_STILL_RUNS = "(a command of it still runs)"


def hear_hook(ctx: Context, attempt: Attempt, payload: Mapping[str, Any]) -> Heard | None:
    """What was heard; what concerns the attempt alone, or ends it, is done already.

    None also for another conversation than the attempt's: that of a side thread, of a subagent, or of the
    same program started by the agent itself.
    """
    job = ctx.ledger.job_of(attempt)
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    heard = module_for(agent).hear(payload)
    if heard is None or not _is_own(job, heard):
        logger.info("not heard", extra={"job_id": job.number, "event": payload.get("hook_event_name")})
        return None
    _learn(ctx, job, attempt, heard)
    _note(ctx, job, agent, attempt, heard)
    return heard


def _is_own(job: Job, heard: Heard) -> bool:
    if heard.is_aside and heard.kind not in {"waiting", "working"}:
        return False
    if heard.conversation in {"", job.conversation} or not job.conversation:
        return True
    return heard.kind == "began" and heard.is_switch


def _learn(ctx: Context, job: Job, attempt: Attempt, heard: Heard) -> None:
    """Writes down by which id the conversation is resumed, and where it is kept."""
    conversation = heard.conversation[:_CONVERSATION_CHARS] or job.conversation
    transcript = heard.transcript[:_PATH_CHARS] or job.transcript
    if (conversation, transcript) != (job.conversation, job.transcript):
        states = AT_WORK | {JobState.REVIEW}
        ctx.ledger.move(attempt.id, states, None, conversation=conversation, transcript=transcript)
        record(ctx, job.number)


def _note(ctx: Context, job: Job, agent: Agent, attempt: Attempt, heard: Heard) -> None:
    if heard.kind != "began":
        ctx.ledger.drop_timers(ctx.machine, attempt.id, [START, REST])
    if heard.kind == "prompt":
        ctx.ledger.note_attempt(attempt.id, trouble="", busy="")
        ctx.tmux.watch_silence(job.name, agent.idle_after_s)
    elif heard.kind == "turn":
        ctx.ledger.note_attempt(attempt.id, trouble="", busy="")
        ctx.tmux.watch_silence(job.name, 0)
    elif heard.kind == "busy":
        ctx.ledger.note_attempt(attempt.id, busy="1")
        ctx.ledger.note(job.number, message=f"{heard.text} {_STILL_RUNS}"[:_MESSAGE_CHARS].strip())
    elif heard.kind == "working":
        ctx.ledger.move(attempt.id, {JobState.WAITING}, JobState.RUNNING)
    elif heard.kind == "trouble":
        ctx.ledger.note_attempt(attempt.id, trouble=heard.text)
        set_timer(ctx, REST, attempt.id, REST_S)
    elif heard.kind == "failed":
        give_up(ctx, job, heard.text)
