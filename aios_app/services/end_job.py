"""End the agent of a job completely: the task ``agent_end``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil

from aios_app.agents import module_for
from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Attempt
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.drafts import has_draft
from aios_app.services.finish_job import finish_attempt

#: Seconds that an agent has to go after its terminal was closed, and again after SIGTERM.
GRACE_S = 4.0

#: Seconds that what ends by itself after its session, such as a hook at work, has for it.
LAST_WORDS_S = 1.0

_TALKING = ("pipe:", "socket:", "/dev/pts/", "/dev/ptmx")

#: The cause of a job whose tmux server, terminal or machine was killed under it.
SESSION_LOST = "session lost"

CLOSE = "close"
STOP = "stop"


def end_job(ctx: Context, attempt_id: str, reason: str, *, all_processes: bool = False) -> None:
    """Ends the attempt's agent with its process tree; what comes of the job depends on ``reason``.

    ``stop``: the person wants it. ``close``: only its slot is wanted, and nothing is closed that a person has
    open or has typed into. Anything else is the cause of a failure. The end itself is told by the spool.
    """
    attempt = ctx.ledger.attempt(attempt_id)
    if attempt is None or attempt.is_over:
        return
    job = ctx.ledger.job_of(attempt)
    if reason == CLOSE and not _may_close(ctx, job, attempt):
        ctx.ledger.keep_open(job)
        dispatch(ctx)
        return
    ctx.ledger.note_attempt(attempt_id, ending=reason)
    with ctx.locks.hold(job.number):
        session = ctx.tmux.find(job.name)
        if session is None:
            state, cause = ended_state(job, reason)
            finish_attempt(ctx, attempt, state, cause)
            return
        tree = _tree(session.pane_pid)
        ctx.tmux.kill_session(job.name)
        _end_processes(tree)
    _see_to_survivors(ctx, job, all_processes=all_processes)


def _see_to_survivors(ctx: Context, job: Job, *, all_processes: bool) -> None:
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    _, survivors = psutil.wait_procs(marked_processes(job.attempt), timeout=LAST_WORDS_S)
    end_now([process for process in survivors if is_tool(process, module_for(agent).tool_marks)])
    survivors = [process for process in survivors if process.is_running()]
    if all_processes:
        _end_processes(survivors)
    elif survivors:
        names = ", ".join(sorted({_name(process) for process in survivors}))
        ctx.ledger.note(job.number, note=f"still running: {names} (aios stop {job.number} --all-processes)")


def ended_state(job: Job, reason: str) -> tuple[JobState, str]:
    """The state and cause of a job whose attempt AIOS ended for this reason."""
    if reason == CLOSE:
        return JobState.REVIEW, ""
    if reason == STOP:
        return JobState.STOPPED, "" if job.has_begun else "not started"
    return JobState.FAILED, reason


def lost_words(job: Job) -> str:
    """The cause of a job whose session went away under it; of steps, where they were."""
    return f"{SESSION_LOST} at {job.progress}" if job.progress else SESSION_LOST


def marked_processes(attempt_id: str) -> list[psutil.Process]:
    """The processes that carry the attempt in their environment, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AIOS_ATTEMPT") == attempt_id:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def is_tool(process: psutil.Process, tool_marks: frozenset[str]) -> bool:
    """Whether it is a command of an agent at work, and no service that the command left in the background.

    Commands talk to the agent through a pipe or a terminal; what detaches itself gives that up.
    """
    try:
        output = str(Path(f"/proc/{process.pid}/fd/1").readlink())
        return not tool_marks.isdisjoint(process.environ()) and output.startswith(_TALKING)
    except (psutil.Error, OSError):
        return False


def end_now(processes: Iterable[psutil.Process]) -> None:
    """Kills what has nobody left to talk to."""
    killed = list(processes)
    for process in killed:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(killed, timeout=LAST_WORDS_S)


def _may_close(ctx: Context, job: Job, attempt: Attempt) -> bool:
    if job.state is not JobState.REVIEW:
        return False
    session = ctx.tmux.find(job.name)
    if session is None:
        return True
    return not session.attached and not has_draft(ctx, job, attempt, session)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _end_processes(processes: Iterable[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(list(processes), timeout=GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(alive, timeout=GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)
