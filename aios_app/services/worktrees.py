"""The worktrees of all projects, and what else lies in the directory of worktrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job
from aios_app.git.repository import find_repository
from aios_app.git.worktrees import WorktreeInfo
from aios_app.git.worktrees import list_worktrees as worktrees_of
from aios_app.services.context import Context

#: Repositories read at once; each costs a few git processes.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A repository to look into, and what a person calls it."""

    name: str
    path: Path
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    project: str
    worktrees: list[WorktreeInfo] = field(default_factory=list)
    problem: str = ""


def list_worktrees(ctx: Context) -> dict[str, Any]:
    """AIOS's own worktrees and all others in its directory; a repository that cannot be read is a problem."""
    directory = worktrees_directory(ctx)
    found = _look(_projects(ctx))
    seen = {info.path for one in found for info in one.worktrees}
    found += _look(_strangers(directory, seen))
    kept = {
        info.path: (one.project, info)
        for one in found
        for info in one.worktrees
        if not info.is_main and (info.metadata or info.path.parent == directory)
    }
    jobs = {job.number: job for job in ctx.ledger.jobs(_numbers(info for _, info in kept.values()))}
    return {
        "directory": str(directory),
        "now_ms": ctx.ledger.now_ms(),
        "worktrees": [_shown(project, info, jobs) for project, info in kept.values()],
        "problems": [one.problem for one in found if one.problem],
    }


def worktrees_directory(ctx: Context) -> Path:
    """Where worktrees are made: the setting, else in the data directory."""
    return Path(ctx.catalog.get("worktrees_dir") or ctx.settings.worktrees_dir)


def _projects(ctx: Context) -> list[_Place]:
    return [
        _Place(
            name=project.name,
            path=Path(project.path),
            base=ctx.catalog.project_setting(project, "base"),
        )
        for project in ctx.catalog.projects()
    ]


def _strangers(directory: Path, seen: Iterable[Path]) -> list[_Place]:
    """Directories that no project knows, such as worktrees of a project that was removed from the list."""
    if not directory.is_dir():
        return []
    known = set(seen)
    return [
        _Place(name="", path=path)
        for path in sorted(directory.iterdir())
        if path.is_dir() and path not in known
    ]


def _look(places: Iterable[_Place]) -> list[_Found]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_look_into, places))


def _look_into(place: _Place) -> _Found:
    try:
        repository = find_repository(place.path)
        name = place.name or repository.root.name
        return _Found(project=name, worktrees=worktrees_of(repository, base=place.base))
    except AiosError as error:
        return _Found(project=place.name, problem=str(error))


def _numbers(infos: Iterable[WorktreeInfo]) -> Iterator[int]:
    return (number for info in infos if (number := _job_number(info)) > 0)


def _job_number(info: WorktreeInfo) -> int:
    number = (info.metadata or {}).get("job", 0)
    return number if isinstance(number, int) else 0


def _shown(project: str, info: WorktreeInfo, jobs: dict[int, Job]) -> dict[str, Any]:
    number = _job_number(info)
    return {
        "path": str(info.path),
        "name": info.path.name,
        "job": number,
        "project": project,
        "branch": info.branch,
        "ahead": info.ahead,
        "behind": info.behind,
        "is_dirty": info.is_dirty,
        "state": jobs[number].state if number in jobs else "",
        "disk_bytes": info.disk_bytes,
        "is_ours": info.metadata is not None,
    }
