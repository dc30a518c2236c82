"""The worktrees of all projects, and what else lies in the directory of worktrees."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job, JobState
from aios_app.git.repository import Repository, find_repository
from aios_app.git.standing import Work
from aios_app.git.worktrees import WorktreeInfo
from aios_app.git.worktrees import list_worktrees as worktrees_of
from aios_app.services.context import Context
from aios_app.services.other_worktrees import job_at, worktrees_dir
from aios_app.services.project_places import directory_here

#: Repositories read at once; each costs a few git processes.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A directory of a repository, and what a person calls it."""

    path: Path
    project: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one repository has, or why it cannot be read."""

    project: str
    worktrees: list[WorktreeInfo] = field(default_factory=list)
    problem: str = ""


def list_worktrees(ctx: Context) -> dict[str, Any]:
    """AIOS's own worktrees and all others in its directory; a repository that cannot be read is a problem."""
    directory = worktrees_dir(ctx)
    found = _look(_saved_places(ctx))
    found += _look(_other_places(directory, found))
    kept = {
        info.path: (one.project, info)
        for one in found
        for info in one.worktrees
        if not info.is_main and (info.metadata or info.path.parent == directory)
    }
    machine = {"machine": ctx.catalog.machine_name()}
    jobs = {path: job_at(ctx, info.metadata or {}, path) for path, (_, info) in kept.items()}
    return {
        "directory": str(directory),
        "now_ms": ctx.ledger.now_ms(),
        "worktrees": [
            _shown(project, info, jobs[path]) | machine
            for path, (project, info) in kept.items()
            if not info.is_missing and (jobs[path] or path.parent == directory)
        ],
        "problems": [one.problem for one in found if one.problem],
    }


def _saved_places(ctx: Context) -> list[_Place]:
    setting = ctx.catalog.project_setting
    return [
        _Place(path=path, project=project.name, base=setting(project, "base"))
        for project in ctx.catalog.projects()
        if (path := directory_here(ctx, project))
    ]


def _other_places(directory: Path, found: Iterable[_Found]) -> list[_Place]:
    """One directory of each repository that is not saved, such as that of a project that was removed."""
    seen = {info.path for one in found for info in one.worktrees}
    paths = sorted(directory.iterdir()) if directory.is_dir() else []
    places: dict[Path, _Place] = {}
    for path in paths:
        if path not in seen and path.is_dir() and not path.name.startswith("."):
            repository = _repository_at(path)
            places.setdefault(repository.git_dir if repository else path, _Place(path=path))
    return list(places.values())


def _repository_at(path: Path) -> Repository | None:
    try:
        return find_repository(path)
    except AiosError:
        return None


def _look(places: Iterable[_Place]) -> list[_Found]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_look_into, places))


def _look_into(place: _Place) -> _Found:
    try:
        repository = find_repository(place.path)
        worktrees = worktrees_of(repository, base=place.base)
    except AiosError as error:
        return _Found(project=place.project, problem=str(error))
    return _Found(project=place.project or repository.root.name, worktrees=worktrees)


def _shown(project: str, info: WorktreeInfo, job: Job | None) -> dict[str, Any]:
    return {
        "path": str(info.path),
        "name": info.path.name,
        "job": job.number if job else 0,
        "project": project,
        "branch": info.branch,
        "ahead": info.ahead,
        "behind": info.behind,
        "is_dirty": info.is_dirty,
        "state": job.state if job else "",
        "work": _work(info, job),
        "disk_bytes": info.disk_bytes,
        "is_ours": info.metadata is not None,
    }


def _work(info: WorktreeInfo, job: Job | None) -> str:
    """What came of its commits, in words; what is uncommitted is said apart."""
    if job is not None and job.undone_sha:
        return Work.OPEN
    if job is not None and job.state is JobState.LANDED:
        return Work.LANDED
    if info.ahead:
        return Work.LANDED if info.is_landed else Work.OPEN
    begun_at = (info.metadata or {}).get("base_sha")
    if begun_at and begun_at != info.head:
        return Work.LANDED
    return "" if info.is_dirty else Work.UNCHANGED
