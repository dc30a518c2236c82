"""The change of one job, with all that is uncommitted, or the difference between two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aios_app.domain.errors import ConflictError, GitError, NotNow, UnknownJob, UsageError
from aios_app.domain.models import Job, JobState
from aios_app.git.changes import Changes, changes_between, fork_point
from aios_app.git.entries import branch_sha
from aios_app.git.location import Repository
from aios_app.git.metadata import git_dir_of
from aios_app.git.patches import patch_between, patched
from aios_app.git.repository import find_repository, worktree_of
from aios_app.git.snapshot import WorktreeCopy, copy_of
from aios_app.git.targets import resolve
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.fetch_origin import fetch_origin
from aios_app.services.find_jobs import find_jobs
from aios_app.services.remove_work import check_own, has_work
from aios_app.services.trash import entry_of_job

#: An untracked file that is larger is named and left out: nobody reads it.
_MOST_BYTES = 20 * 1024 * 1024
_LIMIT_S = 60
#: An agent at work may take a file away in the middle.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What a job has come to, and what it began at."""

    repository: Repository
    base: str
    tip: str
    title: str
    notes: tuple[str, ...] = ()


def diff_jobs(
    ctx: Context, refs: Sequence[str], cwd: str, other: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What one job changed, or what would have to be changed in the first to come to the second.

    ``other`` is in the place of a second one that another machine has: what ``show_patch`` says of it there.
    """
    jobs = find_jobs(ctx, refs, cwd)
    if other is not None and len(jobs) == 1:
        return _difference_to(ctx, jobs[0], other)
    if len(jobs) not in {1, 2}:
        raise UsageError(f"a diff is of one job or between two, not of {len(jobs)}: name them by number")
    return _change(jobs[0]) if len(jobs) == 1 else _difference(jobs[0], jobs[1])


def _change(job: Job) -> dict[str, Any]:
    side = _side(job)
    found = changes_between(side.repository, side.base, side.tip)
    if not found.files and _has_landed(job) and job.state is not JobState.LANDED:
        side = _landed(job, side.repository)
        found = changes_between(side.repository, side.base, side.tip)
    return _answer(found, [side.title, *side.notes])


def _difference(old: Job, new: Job) -> dict[str, Any]:
    sides = (_side(old), _side(new))
    if sides[0].repository != sides[1].repository:
        raise UsageError(f"#{old.number} and #{new.number} work in different repositories")
    titles = [f"from #{old.number} {old.agent} to #{new.number} {new.agent}, {new.project}"]
    notes = [note for side in sides for note in side.notes]
    return _answer(changes_between(sides[0].repository, sides[0].tip, sides[1].tip), titles + notes)


def show_patch(ctx: Context, *, number: int) -> dict[str, Any]:
    """What the job has come to, for a machine that has another job of the same project."""
    job = ctx.ledger.job(number)
    if job is None:
        raise UnknownJob(f"there is no job {number}: aios jobs --all")
    side = _side(job)
    return {
        "job": job.to_json(),
        "base": side.base,
        "patch": patch_between(side.repository, side.base, side.tip),
        "notes": list(side.notes),
    }


def _difference_to(ctx: Context, old: Job, other: Mapping[str, Any]) -> dict[str, Any]:
    new, side = Job.from_json(other["job"]), _side(old)
    titles = [f"from #{old.number} {old.agent} to #{new.number} {new.agent}, {new.project}"]
    _fetch_base(ctx, side.repository, other["base"])
    with patched(side.repository, other["base"], other["patch"]) as (tree, env):
        found = changes_between(side.repository, side.tip, tree, env)
    return _answer(found, [*titles, *side.notes, *other["notes"]])


def _fetch_base(ctx: Context, repository: Repository, base: str) -> None:
    """Another machine may have fetched what this one has not."""
    try:
        resolve(repository, base)
    except GitError:
        with repository_lock(ctx.settings.locks_dir, repository):
            fetch_origin(ctx, repository)


def _answer(found: Changes, titles: list[str]) -> dict[str, Any]:
    return {
        "text": found.text,
        "files": [asdict(file) for file in found.files],
        "titles": titles,
        "left_out": found.left_out,
    }


def _side(job: Job) -> _Side:
    if job.is_in_place:
        return _in_place(job)
    repository = find_repository(Path(job.path))
    if job.state is JobState.LANDED and _has_landed(job):
        return _landed(job, repository)
    if has_work(job):
        return _in_worktree(job, repository)
    return _removed(job, repository)


def _in_place(job: Job) -> _Side:
    place = worktree_of(Path(job.worktree))
    if place is None:
        raise NotNow(f"#{job.number} works in {job.worktree}, which is no git worktree: there is no diff")
    head, tree, notes = _snapshot(place)
    if not head:
        raise NotNow(f"{place} has no commit yet: there is no diff")
    title = f"#{job.number} {job.project} {job.agent} works in {place}: all that is uncommitted there"
    return _Side(repository=find_repository(place), base=head, tip=tree, title=title, notes=notes)


def _in_worktree(job: Job, repository: Repository) -> _Side:
    check_own(job)
    head, tree, notes = _snapshot(Path(job.worktree))
    base = _base(job, repository, head or job.base_sha)
    return _Side(repository=repository, base=base, tip=tree, title=_title(job, base), notes=notes)


def _has_landed(job: Job) -> bool:
    """Whether it is known which commits of the base are the job's."""
    return bool(job.landed_from) and job.landed_sha not in {"", job.landed_from}


def _landed(job: Job, repository: Repository) -> _Side:
    title = f"#{job.number} {job.project} {job.agent}: what landed on {job.landed_ref} {job.landed_sha[:7]}"
    return _Side(repository=repository, base=job.landed_from, tip=job.landed_sha, title=title)


def _removed(job: Job, repository: Repository) -> _Side:
    """From the trash, else from the branch that is left."""
    kept = entry_of_job(job)
    tip = kept[1].sha if kept else branch_sha(repository, job.branch)
    if not tip:
        raise NotNow(f"#{job.number} has no worktree, no branch and nothing in the trash: there is no diff")
    base = _base(job, repository, kept[1].head or tip if kept else tip)
    notes = (f"its worktree is {'in the trash' if kept else 'gone; this is its branch'}",)
    return _Side(repository=repository, base=base, tip=tip, title=_title(job, base), notes=notes)


def _base(job: Job, repository: Repository, head: str) -> str:
    base = fork_point(repository, head, base_ref=job.base_ref, base_sha=job.base_sha)
    if not base:
        raise NotNow(f"#{job.number} has not begun: there is no diff")
    return base


def _title(job: Job, base: str) -> str:
    name = "" if job.base_ref.startswith(base[:7]) else f"{job.base_ref} "
    return f"#{job.number} {job.project} {job.agent} {job.state}, against {name}{base[:7]}"


def _snapshot(place: Path) -> tuple[str, str, tuple[str, ...]]:
    """HEAD, the tree of all that is there, and what is left out of it."""
    with copy_of(place, git_dir_of(place), timeout_s=_LIMIT_S) as copy:
        for _ in range(_TRIES - 1):
            with suppress(ConflictError):
                return _taken(copy)
        return _taken(copy)


def _taken(copy: WorktreeCopy) -> tuple[str, str, tuple[str, ...]]:
    found = copy.uncommitted()
    large = [name for name in found.untracked if _is_large(copy.place / name)]
    tree = copy.tree(without=[*found.nested, *large])
    return copy.head(), tree, tuple(_left_out(found.nested, large))


def _left_out(nested: Sequence[str], large: Sequence[str]) -> list[str]:
    said = [f"left out, a repository of its own: {name}" for name in nested]
    return said + [f"left out, more than {_MOST_BYTES // 1024 // 1024} MB: {name}" for name in large]


def _is_large(path: Path) -> bool:
    try:
        return path.lstat().st_size > _MOST_BYTES
    except OSError:
        return False
