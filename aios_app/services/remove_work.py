"""Remove what a job has of its own: its worktree and its branch go to the trash."""

from __future__ import annotations

from pathlib import Path

from aios_app.domain.errors import ConflictError
from aios_app.domain.models import Job
from aios_app.git.losses import Losses, losses_of
from aios_app.git.metadata import read_metadata
from aios_app.git.removal import Removal, remove_worktree
from aios_app.git.repository import find_repository
from aios_app.git.trash import TrashEntry
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.create_worktree import metadata_of

_MB = 1024 * 1024
#: Of a prompt's first line, in the trash.
_TITLE_CHARS = 200


def remove_work(ctx: Context, job: Job, *, landed_sha: str = "") -> Removal:
    """Puts the job's worktree and branch into the trash and removes them; a second time it finds nothing.

    With ``landed_sha`` only where the worktree stands there and nothing in it is uncommitted. Raises
    ``ConflictError`` where it stays, in words. The job's agent must be closed; its state is not touched.
    """
    if job.is_in_place or not job.worktree:
        return Removal(entry=None)
    repository, path = find_repository(Path(job.path)), Path(job.worktree)
    with repository_lock(ctx.settings.locks_dir, repository):
        check_own(job)
        removal = remove_worktree(
            repository,
            TrashEntry(
                name=path.name,
                path=job.worktree,
                removed_ms=ctx.ledger.now_ms(),
                job=job.number,
                project=job.project,
                title=job.title[:_TITLE_CHARS],
                base_ref=job.base_ref,
                base_sha=job.base_sha,
                metadata=read_metadata(path)
                or metadata_of(job, base_ref=job.base_ref, base_sha=job.base_sha),
            ),
            branch=job.branch,
            max_bytes=max_bytes(ctx),
            expected_head=landed_sha,
        )
    if job.wip:
        ctx.queue.send_progress(job)
    return removal


def losses(ctx: Context, job: Job) -> Losses:
    """What would go with the job; raises ``ConflictError`` where it must stay."""
    if job.is_in_place or not job.worktree:
        return Losses()
    check_own(job)
    repository = find_repository(Path(job.path))
    return losses_of(
        repository,
        Path(job.worktree),
        branch=job.branch,
        base_sha=job.base_sha,
        max_bytes=max_bytes(ctx),
    )


def has_work(job: Job) -> bool:
    """Whether anything is left of the job's worktree."""
    return bool(job.worktree) and not job.is_in_place and Path(job.worktree).is_dir()


def check_own(job: Job) -> None:
    """Raises ``ConflictError`` where the worktree at the job's path is known to be another's."""
    data = read_metadata(Path(job.worktree))
    if data is not None and data.get("job") != job.number:
        raise ConflictError(f"{job.worktree} is not the worktree of #{job.number} any more: it stays")


def max_bytes(ctx: Context) -> int:
    """How much of uncommitted files the trash takes of one worktree."""
    return int(ctx.catalog.get("trash_max_mb")) * _MB
