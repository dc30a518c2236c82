"""Unfinished work on origin: the task ``progress_push``, where the project's setting ``wip`` is on."""

from __future__ import annotations

import logging
from pathlib import Path

from aios_app.domain.errors import AiosError, QueueError
from aios_app.domain.models import Job, JobState
from aios_app.domain.specs import parse_duration
from aios_app.git.person import Person
from aios_app.git.repository import Repository, find_repository
from aios_app.git.wip import push_wip, remove_wip, take_wip
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.records import record
from aios_app.services.remove_work import has_work, max_bytes

logger = logging.getLogger(__name__)

#: In which there is work that another machine could go on with.
_AT_REST = frozenset({JobState.REVIEW, JobState.FAILED, JobState.STOPPED})


def send_progress(ctx: Context, number: int) -> None:
    """Has the work of a job whose turn is over pushed, where its project wants that."""
    job = ctx.ledger.job(number)
    if job is None or job.state not in _AT_REST or job.is_in_place or not has_work(job):
        return
    landing = ctx.ledger.lines.landing(number)
    is_landing = landing is not None and landing.outcome is None
    if not is_landing and project_setting(ctx, job, "wip") == "on":
        ctx.queue.send_progress(job)


def save_progress(ctx: Context, attempt_id: str) -> None:
    """Brings what origin has in line with the job: its work as it stands, or nothing once that is gone.

    A failure is noted and is no end of the job.
    """
    found = ctx.ledger.look(attempt_id)
    if found is None or found[1].machine != ctx.machine:
        return
    job = found[1]
    try:
        changes = {"wip": _save(ctx, job)}
    except QueueError:
        raise
    except AiosError as error:
        logger.warning("progress not pushed", extra={"job_id": job.number, "cause": str(error)})
        changes = {"note": f"its unfinished work is not on origin: {str(error).splitlines()[0]}"}
    ctx.ledger.note(job.number, **changes)
    record(ctx, job.number)


def _save(ctx: Context, job: Job) -> str:
    """The commit that origin has; empty: none."""
    repo = find_repository(Path(job.path))
    person = Person(has_hooks=False)
    timeout_s = parse_duration(ctx.catalog.get("push_timeout"))
    sha = _take(ctx, job, repo)
    if sha and sha != job.wip:
        push_wip(repo, job.name, sha, person, timeout_s=timeout_s)
    if has_work(job):
        return sha
    remove_wip(repo, job.name, person, timeout_s=timeout_s)  # it may have been removed meanwhile
    return ""


def _take(ctx: Context, job: Job, repo: Repository) -> str:
    with repository_lock(ctx.settings.locks_dir, repo):
        if not has_work(job):
            return ""
        limit_s = parse_duration(ctx.catalog.get("push_timeout"))
        return take_wip(repo, Path(job.worktree), max_bytes=max_bytes(ctx), timeout_s=limit_s)
