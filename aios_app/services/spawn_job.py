"""Start the agent of a job in its tmux session: the task ``agent_spawn``."""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

from aios_app.agents import Place, module_for
from aios_app.domain.errors import AiosError
from aios_app.domain.models import Agent, Finishes, Job, JobState
from aios_app.domain.specs import parse_duration
from aios_app.ledger.ledger import Attempt
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.end_job import ended_state
from aios_app.services.finish_job import finish_attempt
from aios_app.services.reconcile import check_sessions
from aios_app.services.records import attempt_dir, record
from aios_app.services.timers import LAUNCH, LIMIT, SETUP, START, START_S, TURN, set_idle_timer, set_timer
from aios_app.spool.launch import has_begun, has_started, prepare_attempt, session_environment

logger = logging.getLogger(__name__)

RESUME = "resume"


class AttemptFailed(AiosError):
    """The attempt failed."""


def spawn_job(ctx: Context, attempt_id: str) -> dict[str, Any] | None:
    """Starts the attempt's session, once; after its end, returns its result.

    None: the agent works (or the attempt is stale), and no worker slot waits for it. Raises ``AttemptFailed``
    with the cause where it failed.
    """
    found = ctx.ledger.look(attempt_id)
    if found is None:
        return None
    attempt, job = found
    if attempt.result:
        return _report(ctx, attempt)
    if job.attempt != attempt_id or attempt.is_over or job.state is not JobState.PREPARING:
        return None
    if attempt.ending:
        state, cause = ended_state(job, attempt.ending)
        finish_attempt(ctx, attempt, state, cause)
        return None
    wait_ms = ctx.ledger.take_turn(attempt_id)
    if wait_ms:
        set_timer(ctx, TURN, attempt_id, wait_ms / 1000)
        return None
    with ctx.locks.hold(job.number):
        _start(ctx, job, attempt)
    return None


def _report(ctx: Context, attempt: Attempt) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(attempt.result)
    ctx.ledger.note_reported(ctx.machine, attempt.id)
    if result["state"] == JobState.FAILED:
        raise AttemptFailed(result["cause"])
    return result


def _start(ctx: Context, job: Job, attempt: Attempt) -> None:
    # Marked open before the session is there: a signal of a fast agent must find it so.
    if not ctx.ledger.move(attempt.id, {JobState.PREPARING}, None, is_open=1):
        return
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    setup = "" if attempt.mode == RESUME or job.is_in_place else project_setting(ctx, job, "setup")
    _set_limits(ctx, job, has_setup=bool(setup))
    folder = attempt_dir(ctx.settings, job)
    is_again = has_begun(folder)  # by a worker that died before it could say so
    if not is_again:
        _open_session(ctx, job, agent, attempt, setup)
    if has_started(folder):  # the signal that drops this limit may have come before it was set again
        ctx.ledger.drop_timers(ctx.machine, attempt.id, [LAUNCH])
    if not setup:
        begin_work(ctx, attempt, job)
    if agent.finishes is Finishes.SILENCE or module_for(agent).speaks:
        ctx.tmux.watch_silence(job.name, agent.idle_after_s)
    record(ctx, job.number)
    if is_again:
        check_sessions(ctx)


def begin_work(ctx: Context, attempt: Attempt, job: Job) -> None:
    """The agent itself runs now; one that was only resumed, or got no prompt, sits at its own."""
    rests = attempt.mode == RESUME or _has_nothing_to_do(ctx, job)
    state = JobState.REVIEW if rests else JobState.RUNNING
    if ctx.ledger.move(attempt.id, {JobState.PREPARING}, state):
        if rests:
            set_idle_timer(ctx, attempt.id)
        elif module_for(ctx.ledger.run_agent(job.run, job.agent_key)).speaks:
            set_timer(ctx, START, attempt.id, START_S)
    logger.info("running", extra={"job_id": job.number, "run_id": job.run})


def _open_session(ctx: Context, job: Job, agent: Agent, attempt: Attempt, setup: str) -> None:
    folder = attempt_dir(ctx.settings, job)
    is_resume = attempt.mode == RESUME
    launch = module_for(agent).launch(
        agent,
        prompt="" if is_resume else _prompt(ctx, job, agent),
        place=Place(
            attempt_dir=folder,
            worktree=Path(job.worktree),
            repository=Path(job.path),
            attempt=attempt.id,
        ),
        conversation=_conversation(job, agent) if is_resume else "",
        extra_args=json.loads(ctx.ledger.run(job.run)["extra_args"]),
    )
    argv = prepare_attempt(
        folder,
        argv=launch.argv,
        worktree=Path(job.worktree),
        shell=ctx.settings.shell,
        setup=setup,
        files=launch.files,
    )
    ctx.ledger.move(attempt.id, {JobState.PREPARING}, None, conversation=launch.conversation)
    environment = session_environment(
        attempt=attempt.id,
        job=job.number,
        spool_dir=ctx.settings.spool_dir,
        attempt_dir=folder,
        port=job.port,
        tmux_socket=ctx.settings.tmux_socket,
    )
    open_session = partial(
        ctx.tmux.new_session,
        job.name,
        cwd=Path(job.worktree),
        argv=argv,
        environment={**launch.environment, **environment},
        marks={
            "job": str(job.number),
            "attempt": attempt.id,
            "run": str(job.run),
            "project": job.project,
            "base": job.base_sha,
        },
    )
    if not open_session() and not _is_of_attempt(ctx, job):
        ctx.tmux.kill_session(job.name)
        open_session()


def _is_of_attempt(ctx: Context, job: Job) -> bool:
    """Whether the session of the job's name is this attempt's own, not one that an earlier one left."""
    session = ctx.tmux.find(job.name)
    return session is not None and session.marks.get("attempt") == job.attempt


def _prompt(ctx: Context, job: Job, agent: Agent) -> str:
    if agent.finishes is Finishes.NEVER:
        return ""
    prompts = ctx.ledger.prompts(job.run)
    if "*" in prompts:
        return prompts["*"]
    return prompts.get(agent.key) or ctx.catalog.prompt_for(agent)


def _conversation(job: Job, agent: Agent) -> str:
    """Where an agent keeps a transcript, one that it never began cannot be resumed."""
    return "" if module_for(agent).speaks and not job.transcript else job.conversation


def _has_nothing_to_do(ctx: Context, job: Job) -> bool:
    return job.finishes in {Finishes.TURN, Finishes.SILENCE} and ctx.ledger.prompts(job.run).get("*") == ""


def _set_limits(ctx: Context, job: Job, *, has_setup: bool) -> None:
    launch_s = parse_duration(ctx.catalog.get("launch_limit"))
    set_timer(ctx, LAUNCH, job.attempt, launch_s)
    if has_setup:
        set_timer(ctx, SETUP, job.attempt, launch_s + parse_duration(ctx.catalog.get("setup_limit")))
    if job.limit_s:
        set_timer(ctx, LIMIT, job.attempt, job.limit_s)
