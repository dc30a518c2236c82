"""Worktrees in the directory of worktrees that are no job's: found and removed by their exact names only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from aios_app.domain.errors import ConflictError, UsageError
from aios_app.domain.models import Job
from aios_app.git.losses import Losses, losses_of
from aios_app.git.metadata import read_metadata
from aios_app.git.removal import Removal, remove_worktree
from aios_app.git.repository import Repository, find_repository
from aios_app.git.trash import TrashEntry
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.remove_work import max_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWorktree:
    """One that was found by its name."""

    path: Path
    repository: Repository
    branch: str  #: that an AIOS made for it, which goes with it; empty: its branch stays
    job: Job | None  #: whose it is after all
    problem: str  #: why it stays


def worktrees_dir(ctx: Context) -> Path:
    """Where worktrees are made, as git writes it, without links."""
    return Path(ctx.catalog.get("worktrees_dir") or ctx.settings.worktrees_dir).resolve()


def find_other(ctx: Context, name: str) -> OtherWorktree:
    """The worktree of this exact name; raises ``UsageError`` where there is none."""
    directory = worktrees_dir(ctx)
    path = directory / name
    if path.parent != directory or name in {"", ".", ".."} or not path.is_dir() or path.is_symlink():
        raise UsageError(f"there is no worktree {name} in {directory}: see aios w")
    data = read_metadata(path) or {}
    return OtherWorktree(
        path=path,
        repository=find_repository(path),
        branch=str(data.get("branch") or ""),
        job=job_at(ctx, data, path),
        problem=_used_by(path),
    )


def job_at(ctx: Context, metadata: dict[str, object], path: Path) -> Job | None:
    """The job whose worktree stands at ``path``: what is written in it must agree with the ledger.

    An older attempt's, or that of another AIOS, is no job's.
    """
    number = metadata.get("job")
    job = ctx.ledger.job(number) if isinstance(number, int) else None
    return job if job is not None and job.worktree and Path(job.worktree).resolve() == path else None


def losses_of_other(ctx: Context, other: OtherWorktree) -> Losses:
    """What would go with it; raises ``ConflictError`` where it must stay."""
    most = max_bytes(ctx)
    return losses_of(other.repository, other.path, branch=other.branch, base_sha="", max_bytes=most)


def remove_other(ctx: Context, other: OtherWorktree) -> Removal:
    """Puts it into the trash and removes it; a branch that AIOS did not make stays."""
    if other.problem:
        raise ConflictError(f"{other.path.name}: {other.problem}")
    entry = TrashEntry(
        name=other.path.name,
        path=str(other.path),
        removed_ms=ctx.ledger.now_ms(),
        project=other.repository.root.name,
        metadata=read_metadata(other.path) or {},
    )
    with repository_lock(ctx.settings.locks_dir, other.repository):
        return remove_worktree(other.repository, entry, branch=other.branch, max_bytes=max_bytes(ctx))


def _used_by(path: Path) -> str:
    name = next(_processes_in(path), "")
    return f"{name} works in it: end it, or cd out of it first" if name else ""


def _processes_in(path: Path) -> Iterator[str]:
    inside = f"{path}{os.sep}"
    for process in psutil.process_iter():
        try:
            if f"{process.cwd()}{os.sep}".startswith(inside):
                yield f"{process.name()} ({process.pid})"
        except (psutil.Error, OSError):
            continue
