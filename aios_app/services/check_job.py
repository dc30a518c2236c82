"""Check the work of a job whose turn is over: the task ``job_check``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from aios_app.domain.errors import AiosError, QueueError
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.records import job_dir, record
from aios_app.services.run_check import CheckResult, run_check
from aios_app.settings import Settings
from aios_app.spool.person_command import CutOff, end_command

logger = logging.getLogger(__name__)

#: Begins a call in the background, unless one of that key is at work.
Start = Callable[[str, Callable[[], object]], bool]

QUEUED, RUNNING, PASSED, FAILED = "queued", "running", "passed", "failed"
#: Of a check that is not over.
PENDING = frozenset({QUEUED, RUNNING})


class Planned(TypedDict, total=False):
    """Fields of a job."""

    check: str
    check_command: str
    check_ms: int


def planned_check(ctx: Context, job: Job) -> Planned:
    """The fields of a job whose turn is over just now. Whether there is anything to check is seen later.

    A person's own directory is theirs to check.
    """
    is_checked = job.base_sha and not job.is_in_place
    command = project_setting(ctx, job, "check") if is_checked else ""
    return {"check": QUEUED if command else "", "check_command": command, "check_ms": 0}


def send_check(ctx: Context, number: int) -> None:
    """Sends the task of a check that is not over, once the job's change is known; none without a change."""
    job = ctx.ledger.job(number)
    if job is None or job.state is not JobState.REVIEW or job.check not in PENDING:
        return
    if job.files:
        ctx.queue.send_check(job)
    else:
        ctx.ledger.note_check(job, PENDING, check="", check_command="")


def begin_check(ctx: Context, attempt_id: str, start: Start) -> dict[str, Any] | None:
    """Has ``start`` run the check of the attempt's job; once that is over, returns what came of it.

    None: the check is at work, or the job has gone on and there is none.
    """
    found = ctx.ledger.look(attempt_id)
    if found is None:
        return None
    job = found[1]
    if job.check in PENDING:
        start(f"check {job.number} {job.turns}", partial(check_job, ctx, job))
        return None
    return _report(job) if job.check else None


def check_job(ctx: Context, job: Job) -> None:
    """Runs the check of the job's turn. What comes of it is dropped where the job has gone on since."""
    try:
        if ctx.ledger.note_check(job, PENDING, check=RUNNING):
            record(ctx, job.number)
            _run(ctx, job)
    except QueueError:
        ctx.note_trouble()
        raise


def end_check(job: Job) -> None:
    """Ends the check that is at work in the job's worktree: the agent, or a removal, goes on there."""
    if job.check in PENDING and job.worktree:
        end_command(Path(job.worktree))


def give_up_check(ctx: Context, job: Job) -> bool:
    """Ends the check of the job's turn for good, as its work lands now; False: there was none to end."""
    if job.check not in PENDING or not ctx.ledger.note_check(job, PENDING, check="", check_command=""):
        return False
    end_check(job)
    return True


def check_log(settings: Settings, number: int) -> Path:
    """Where the output of the job's last check is."""
    return job_dir(settings, number) / "check.log"


def _run(ctx: Context, job: Job) -> None:
    log = check_log(ctx.settings, job.number)
    try:
        result = run_check(ctx, job, cwd=Path(job.worktree), log=log)
    except CutOff:
        if ctx.ledger.note_check(job, {RUNNING}, check=QUEUED):
            ctx.note_trouble()  # it is begun again with all else that was cut off
        return
    except QueueError:
        raise
    except AiosError as error:
        logger.warning("not checked", extra={"job_id": job.number, "cause": str(error)})
        result = CheckResult(is_passed=False, words=str(error), duration_ms=0)
    _note(ctx, job, result)


def _note(ctx: Context, job: Job, result: CheckResult | None) -> None:
    if result is None:  # the setting was taken away meanwhile
        changes: dict[str, str | int] = {"check": "", "check_command": ""}
    else:
        changes = {"check": PASSED if result.is_passed else FAILED, "check_ms": result.duration_ms}
    if ctx.ledger.note_check(job, {RUNNING}, **changes):
        logger.info("checked", extra={"job_id": job.number, "check": changes["check"]})
        record(ctx, job.number)
        ctx.queue.send_check(job)


def _report(job: Job) -> dict[str, Any]:
    return {"job": job.number, "check": job.check, "check_ms": job.check_ms, "project": job.project}
