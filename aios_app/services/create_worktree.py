"""Give a job its worktree: the task ``worktree_create``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.domain.models import Job, JobState, Project
from aios_app.domain.specs import parse_duration
from aios_app.git.base import resolve_base
from aios_app.git.repository import Repository
from aios_app.git.runner import first_words
from aios_app.git.wip import bring_wip, fetch_wip
from aios_app.git.worktrees import add_worktree, read_metadata, repository_lock, write_metadata
from aios_app.services.context import Context
from aios_app.services.fetch_origin import fetch_origin
from aios_app.services.project_places import repository_of, root_of, worktree_of
from aios_app.services.records import record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """Where worktrees begin; the same for all jobs of one run in one project."""

    ref: str
    sha: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What an earlier attempt had pushed, on whichever machine; empty: nothing, or nobody needs it."""

    sha: str = ""
    begin: str = ""  #: the commit at which the worktree begins: what of it was committed
    problem: str = ""  #: why it is not to be had


def create_worktree(ctx: Context, attempt_id: str) -> None:
    """Makes the attempt's worktree, or finds it made. Does nothing for a stale attempt.

    Raises the ``AiosError`` that a person should read; nothing half made is left then.
    """
    found = ctx.ledger.look(attempt_id)
    if found is None:
        return
    attempt, job = found
    if attempt.is_over or job.attempt != attempt_id or job.state is not JobState.PREPARING:
        return
    if job.is_in_place:
        return  # the directory is the person's own
    job = _at_its_place(ctx, job)
    repository = repository_of(ctx, job)
    with repository_lock(ctx.settings.locks_dir, repository):
        if ctx.ledger.job_of(attempt).state is not JobState.PREPARING:
            return  # the same task, sent twice, has been quicker
        work = _pushed_work(ctx, job, repository)
        base = (None if work.problem else _known_base(job)) or _fetched_base(ctx, job, repository)
        base = replace(base, note="; ".join(filter(None, (work.problem, base.note))))
        worktree = Path(job.worktree)
        add_worktree(repository, path=worktree, branch=job.branch, sha=work.begin or base.sha)
        if work.sha and read_metadata(worktree) is None:
            bring_wip(worktree, work.sha)
        write_metadata(worktree, metadata_of(job, base_ref=base.ref, base_sha=base.sha))
    ctx.ledger.move(
        attempt_id, {JobState.PREPARING}, None, base_ref=base.ref, base_sha=base.sha, note=base.note
    )
    record(ctx, job.number)


def _at_its_place(ctx: Context, job: Job) -> Job:
    """The job with its paths on this machine, which are noted before there is anything at them."""
    here = replace(job, path=str(root_of(ctx, job)), worktree=str(worktree_of(ctx, job)))
    if here != job:
        ctx.ledger.move(job.attempt, {JobState.PREPARING}, None, path=here.path, worktree=here.worktree)
    return here


def _pushed_work(ctx: Context, job: Job, repository: Repository) -> _Work:
    if not job.wip or Path(job.worktree).exists():
        return _Work()
    try:
        limit_s = parse_duration(ctx.catalog.get("clone_limit"))
        sha, begin = fetch_wip(repository, job.name, timeout_s=limit_s)
    except GitError as error:
        return _Work(problem=f"its earlier work could not be fetched ({first_words(error)}): it begins anew")
    return _Work(sha=sha, begin=begin)


def _known_base(job: Job) -> _Base | None:
    """A further attempt begins where the first one did."""
    return _Base(ref=job.base_ref, sha=job.base_sha, note=job.note) if job.base_sha else None


def _fetched_base(ctx: Context, job: Job, repository: Repository) -> _Base:
    """Fetched and resolved by the first job of the run in this project; the others take it over.

    A further attempt in a new worktree begins at what the base is by then.
    """
    known = ctx.ledger.run_base(job.run, job.project_id)
    if known is not None and job.attempt_no == 1:
        return _Base(**json.loads(known))
    trouble = fetch_origin(ctx, repository)
    found = resolve_base(repository, job.base, usual=project_setting(ctx, job, "base"))
    left_out = found.sentence() if found.ahead or found.uncommitted else ""
    base = _Base(ref=found.ref, sha=found.sha, note="; ".join(filter(None, (trouble, left_out))))
    if known is None:
        ctx.ledger.note_run_base(job.run, job.project_id, json.dumps(asdict(base)))
    return base


def project_setting(ctx: Context, job: Job, key: str) -> str:
    """A setting of the job's project, also where that was saved anew; empty where it is not (any more)."""
    saved = [project for project in ctx.catalog.projects() if _is_of(job, project)]
    return ctx.catalog.project_setting(saved[0], key) if saved else ""


def _is_of(job: Job, project: Project) -> bool:
    is_same = project.path == job.path and project.machine_id == job.machine
    return project.uuid == job.project_id or (is_same and bool(project.path))


def metadata_of(job: Job, *, base_ref: str, base_sha: str) -> dict[str, object]:
    """What a worktree keeps of its job."""
    return {
        "job": job.number,
        "run": job.run,
        "attempt": job.attempt,
        "project": job.project,
        "project_id": job.project_id,
        "branch": job.branch,
        "base_ref": base_ref,
        "base_sha": base_sha,
    }
