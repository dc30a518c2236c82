"""The trash of all projects: what is in it, and how it comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError, UsageError
from aios_app.domain.models import LIVE_STATES, Job, JobState
from aios_app.git.repository import Repository, find_repository
from aios_app.git.restoring import Restored, restore
from aios_app.git.trash import TrashEntry, list_trash
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.other_worktrees import worktrees_dir
from aios_app.services.records import record

#: Repositories read at once.
_AT_ONCE = 4
_AT_REST = frozenset(JobState) - LIVE_STATES

Found = tuple[Repository, TrashEntry]


def show_trash(ctx: Context, *, cwd: str = "") -> dict[str, Any]:
    """All entries, newest first; a repository that cannot be read is a problem."""
    found, problems = _look(_places(ctx, cwd))
    machine = {"machine": ctx.catalog.machine_name()}
    entries = sorted((entry for _, entry in found), key=lambda entry: entry.removed_ms, reverse=True)
    return {
        "now_ms": ctx.ledger.now_ms(),
        "entries": [_shown(ctx, entry) | machine for entry in entries],
        "problems": problems,
    }


def restore_trash(ctx: Context, *, ref: str, cwd: str) -> dict[str, Any]:
    """Brings back worktree and branch of a job's number or of a name; of several the newest.

    Its job is in review again.
    """
    repository, entry = _find(ctx, _look(_places(ctx, cwd))[0], ref)
    with repository_lock(ctx.settings.locks_dir, repository):
        restored = restore(repository, entry, folder=worktrees_dir(ctx))
    shown = _shown(ctx, entry) | {"machine": ctx.catalog.machine_name()}
    job, words = _reopen(ctx, entry, restored)
    return {
        "entry": shown,
        "path": str(restored.path),
        "branch": restored.branch,
        "job": job and job.to_json(),
        "message": "; ".join([*restored.said, *words]),
    }


def entry_of_job(job: Job) -> Found | None:
    """What the trash has of the job, the newest."""
    repository = find_repository(Path(job.path))
    same = (job.number, job.worktree)
    found = (one for one in list_trash(repository) if (one.job, one.path) == same)
    return next(((repository, one) for one in found), None)


def _reopen(ctx: Context, entry: TrashEntry, restored: Restored) -> tuple[Job | None, list[str]]:
    job = _job_of(ctx, entry)
    if job is None:
        return None, [f"it is of no job here, though of one {entry.job}"] if entry.job else []
    changes = {"worktree": str(restored.path), "branch": restored.branch or job.branch}
    if not ctx.ledger.settle(job.number, _AT_REST, JobState.REVIEW, **changes):
        return job, [f"#{job.number} is {job.state} and goes on elsewhere: aios w {restored.path.name}"]
    setup = project_setting(ctx, job, "setup")
    return record(ctx, job.number), [f"what its setup made is not back: run {setup} there"] if setup else []


def _find(ctx: Context, found: Iterable[Found], ref: str) -> Found:
    newest_first = sorted(found, key=lambda one: one[1].removed_ms, reverse=True)
    for repository, entry in newest_first:
        if ref in (entry.name, entry.ref) or (ref == str(entry.job) and _job_of(ctx, entry) is not None):
            return repository, entry
    raise UsageError(f"the trash has no {ref}: aios trash lists what it has")


def _job_of(ctx: Context, entry: TrashEntry) -> Job | None:
    """Whose work it is; that of another AIOS may bear the same number."""
    job = ctx.ledger.job(entry.job) if entry.job else None
    return job if job is not None and job.worktree == entry.path else None


def _places(ctx: Context, cwd: str) -> Iterator[Path]:
    """A directory of each repository that may have a trash."""
    projects = [one for one in ctx.catalog.projects() if one.path and one.machine_id == ctx.machine]
    jobs = [one for one in ctx.ledger.jobs_in(JobState) if one.path and one.machine == ctx.machine]
    yield from (Path(project.path) for project in projects)
    yield from (Path(path) for path in {job.path for job in jobs if not job.is_in_place})
    if cwd:
        yield Path(cwd)


def _look(places: Iterable[Path]) -> tuple[list[Found], list[str]]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        repositories = set(filter(None, pool.map(_repository_at, dict.fromkeys(places))))
        results = list(pool.map(_read, sorted(repositories, key=lambda one: one.git_dir)))
    found = [one for entries, _ in results for one in entries]
    return found, [problem for _, problem in results if problem]


def _repository_at(path: Path) -> Repository | None:
    try:
        return find_repository(path)
    except AiosError:
        return None


def _read(repository: Repository) -> tuple[list[Found], str]:
    try:
        return [(repository, entry) for entry in list_trash(repository)], ""
    except AiosError as error:
        return [], str(error)


def _shown(ctx: Context, entry: TrashEntry) -> dict[str, Any]:
    names = (
        "ref",
        "project",
        "name",
        "branch",
        "removed_ms",
        "expires_ms",
        "files",
        "commits",
        "title",
    )
    job = _job_of(ctx, entry)
    return {"job": job.number if job else 0} | {name: getattr(entry, name) for name in names}
