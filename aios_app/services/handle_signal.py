"""Turn what stands in the spool into what the ledger says."""

from __future__ import annotations

import json
import logging
import signal as signals
from typing import Any

import psutil

from aios_app.agents import install_advice, module_for
from aios_app.domain.models import Job, JobState
from aios_app.domain.steps import STEPS
from aios_app.ledger.ledger import Attempt
from aios_app.services.check_job import end_check
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.end_job import end_now, ended_state, is_tool, lost_words, marked_processes
from aios_app.services.finish_job import AT_WORK, discard_unused, finish_attempt, finish_turn, measure
from aios_app.services.hear_hook import hear_hook
from aios_app.services.lanes import await_lane
from aios_app.services.reconcile import check_sessions
from aios_app.services.records import record
from aios_app.services.spawn_job import begin_work
from aios_app.services.steps import begin_step, end_of_steps
from aios_app.services.timers import IDLE, LAUNCH, SETUP, SKIP
from aios_app.services.watch_screen import ask, look_at_silent
from aios_app.spool.files import Signal

logger = logging.getLogger(__name__)

#: Seconds in which a tmux server that was killed is seen to be gone after its sessions' hang-up.
_SERVER_GONE_S = 0.5
_HANGUP = "HUP"
#: A shell's status for a program that is not there.
_NOT_FOUND = 127


def handle_signal(ctx: Context, signal: Signal) -> None:
    """Handles one file of the spool. A second time it changes nothing; a stale attempt's is dropped."""
    if not signal.attempt:
        _NOTICES[signal.kind](ctx)
        return
    attempt = ctx.ledger.attempt(signal.attempt)
    if attempt is None or attempt.is_over or signal.kind not in _SIGNALS:
        logger.info("dropped signal", extra={"kind": signal.kind, "attempt": signal.attempt})
        return
    _SIGNALS[signal.kind](ctx, attempt, signal.payload)


def _started(ctx: Context, attempt: Attempt, _payload: bytes) -> None:
    ctx.ledger.drop_timers(ctx.machine, attempt.id, [LAUNCH])


def _setup(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    ctx.ledger.drop_timers(ctx.machine, attempt.id, [SETUP])
    job = ctx.ledger.job_of(attempt)
    status = _lines(payload).get("status", "")
    if status == "0":
        begin_work(ctx, attempt, job)
        record(ctx, job.number)
    else:
        cause = f"setup exited {status} (aios logs {job.number})"
        ctx.ledger.note_attempt(attempt.id, ending=cause)


def _conversation(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    conversation = payload.decode("utf-8", "replace").strip()[:200]
    ctx.ledger.move(attempt.id, AT_WORK | {JobState.REVIEW}, None, conversation=conversation)


def _prompt(ctx: Context, attempt: Attempt, _payload: bytes) -> None:
    ctx.ledger.drop_timers(ctx.machine, attempt.id, [SKIP, IDLE])
    job = ctx.ledger.job_of(attempt)
    at_prompt = {JobState.RUNNING, JobState.WAITING, JobState.REVIEW}
    ctx.ledger.move(attempt.id, at_prompt, JobState.RUNNING, prompts=job.prompts + 1)
    end_check(job)
    record(ctx, attempt.job)


def _waiting(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    ask(ctx, attempt, str(_data(payload).get("question", "")))


def _turn(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    _end_turn(ctx, attempt, str(_data(payload).get("message", "")))


def _end_turn(ctx: Context, attempt: Attempt, message: str) -> None:
    ctx.ledger.drop_timers(ctx.machine, attempt.id, [SKIP])
    finish_turn(ctx, attempt, message=message[:4000])
    measure(ctx, attempt.job)


def _hook(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    heard = hear_hook(ctx, attempt, _data(payload))
    if heard is None:
        return
    if heard.kind == "prompt":
        _prompt(ctx, attempt, payload)
    elif heard.kind == "waiting":
        ask(ctx, attempt, heard.text)
    elif heard.kind == "turn":
        _end_turn(ctx, attempt, heard.text)


def _step(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    number = payload.decode("ascii", "replace").strip()
    if number.isdecimal() and len(number) < 6:
        begin_step(ctx, attempt, int(number))
        record(ctx, attempt.job)


def _exit(ctx: Context, attempt: Attempt, payload: bytes) -> None:
    job = ctx.ledger.job_of(attempt)
    state, cause = _end(ctx, job, attempt, _lines(payload))
    if state is JobState.FAILED and job.attempt_no == 1 and not job.started_ms:
        discard_unused(ctx, job)
    if finish_attempt(ctx, attempt, state, cause):
        measure(ctx, job.number)
        await_lane(ctx, job.number)
    _end_tools(ctx, job, attempt)


def _end_tools(ctx: Context, job: Job, attempt: Attempt) -> None:
    """Ends the commands that an agent left at work: each runs in a session of its own, and outlives it."""
    marks = module_for(ctx.ledger.run_agent(job.run, job.agent_key)).tool_marks
    if marks:
        end_now([process for process in marked_processes(attempt.id) if is_tool(process, marks)])


def _end(ctx: Context, job: Job, attempt: Attempt, lines: dict[str, str]) -> tuple[JobState, str]:
    """What the end of the process means for the job."""
    if attempt.ending:
        return ended_state(job, attempt.ending)
    hung_up = lines.get("signal") == _HANGUP
    lives = hung_up and _tmux_lives(ctx, lines.get("server", ""))
    has_worked = job.turns or job.finished_ms  # one that was opened without a prompt has not
    if job.state is JobState.REVIEW and has_worked and not lives:
        return JobState.REVIEW, ""
    if hung_up:
        return (JobState.STOPPED, "its terminal was closed") if lives else (JobState.FAILED, lost_words(job))
    status = _status(lines.get("status", ""))
    if job.agent_key == STEPS:
        return end_of_steps(ctx, attempt, job, _exit_words(status) if status else "")
    if status == 0:
        return JobState.REVIEW, ""
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    if status == _NOT_FOUND and module_for(agent).speaks:
        return JobState.FAILED, install_advice(agent)
    return JobState.FAILED, _exit_words(status)


def _status(word: str) -> int:
    """What is no status counts as a failure."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 4 else 1


def _tmux_lives(ctx: Context, server: str) -> bool:
    """Whether the tmux server outlives the hang-up that one of its sessions got.

    ``server`` is its process: the one that runs now may have been started since.
    """
    pid = ctx.tmux.pid()
    if pid is None or str(pid) != server:
        return False
    try:
        psutil.Process(pid).wait(timeout=_SERVER_GONE_S)
    except psutil.TimeoutExpired:
        return True
    except psutil.Error:
        return False
    return False


def _exit_words(status: int) -> str:
    if status > 128:
        try:
            return f"ended by {signals.Signals(status - 128).name}"
        except ValueError:
            pass
    return f"exited {status}" + (" (command not found)" if status == _NOT_FOUND else "")


def _closed(ctx: Context) -> None:
    check_sessions(ctx)


def _detached(ctx: Context) -> None:
    if ctx.ledger.forget_kept(ctx.machine):
        dispatch(ctx)


def _silence(ctx: Context) -> None:
    look_at_silent(ctx)


def _lines(payload: bytes) -> dict[str, str]:
    text = payload.decode("utf-8", "replace")
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in pairs}


def _data(payload: bytes) -> dict[str, Any]:
    """A hook's payload; what is no JSON object is taken for nothing, agents write what they like."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


_SIGNALS = {
    "started": _started,
    "setup": _setup,
    "conversation": _conversation,
    "prompt": _prompt,
    "waiting": _waiting,
    "turn": _turn,
    "hook": _hook,
    "step": _step,
    "exit": _exit,
}
_NOTICES = {"closed": _closed, "detached": _detached, "silence": _silence}
