"""Bring back what is in the trash, as a worktree with its branch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, branch_sha, entry_of
from aios_app.git.filling import copy_included, fill_submodules
from aios_app.git.location import Repository
from aios_app.git.metadata import read_metadata, remove_metadata, write_metadata
from aios_app.git.removal import is_checked_out
from aios_app.git.runner import run_git
from aios_app.git.trash import TrashEntry, forget

#: In the metadata of a worktree that is being restored: the entry that it comes from.
_MARK = "restores"
_MOST_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Where it is now."""

    path: Path
    branch: str
    said: tuple[str, ...] = ()  #: what is not as it was


def restore(repo: Repository, entry: TrashEntry, *, folder: Path, timeout_s: float = 600) -> Restored:
    """Makes the worktree at its old path, else in ``folder``; the caller holds the lock.

    Its branch stands where it stood, and what was not committed is so again; where path or branch are taken,
    others are. Then the entry leaves the trash. Begun again after a crash it goes on.
    """
    place = _place(entry, folder)
    head = entry.head or entry.branch_sha or entry.sha
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        options = ["--quiet", "--no-checkout", "--detach"]
        _git(["worktree", "add", *options, "--", str(place), head], repo.root, timeout_s)
        write_metadata(place, {_MARK: entry.ref})
    _fill(repo, place, entry, head, timeout_s)
    branch, is_detached = _attach(repo, place, entry, head)
    if entry.metadata:
        write_metadata(place, {**entry.metadata, "branch": branch})
    else:
        remove_metadata(place)
    forget(repo, entry)
    return Restored(
        path=place, branch=branch, said=tuple(_said(entry, place, branch, is_detached=is_detached))
    )


def _place(entry: TrashEntry, folder: Path) -> Path:
    """The old path where it is free; that of an attempt that was cut off goes first."""
    old = Path(entry.path)
    tries = [old, folder / old.name]
    tries += [folder / f"{old.name}-{number}" for number in range(2, _MOST_TRIES)]
    for place in tries:
        if (read_metadata(place) or {}).get(_MARK) == entry.ref:
            return place
    for place in tries:
        if not os.path.lexists(place):
            return place
    raise ConflictError(f"{old} and all names like it are taken: move one away")


def _fill(repo: Repository, place: Path, entry: TrashEntry, head: str, timeout_s: float) -> None:
    """The files as they were; the index as it was staged."""
    _git(["read-tree", "--reset", "-u", entry.sha], place, timeout_s)
    fill_submodules(place, timeout_s=timeout_s)
    copy_included(repo, place)
    _git(["read-tree", "--reset", entry.staged or head], place, timeout_s)


def _attach(repo: Repository, place: Path, entry: TrashEntry, head: str) -> tuple[str, bool]:
    """Gives the worktree its branch; the name, and whether it stands beside it, as it did."""
    wanted = (
        entry.branch or entry.head_branch or str(entry.metadata.get("branch") or f"restored/{entry.name}")
    )
    sha = entry.branch_sha or head
    branch = _free_branch(repo, wanted, sha, place)
    if not branch_sha(repo, branch):
        _git(["update-ref", f"{HEADS}{branch}", sha, ""], place, READ_LIMIT_S)
    if sha != head:
        return branch, True
    _git(["symbolic-ref", "HEAD", f"{HEADS}{branch}"], place, READ_LIMIT_S)
    return branch, False


def _free_branch(repo: Repository, wanted: str, sha: str, place: Path) -> str:
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, _MOST_TRIES))]
    for name in names:
        there = branch_sha(repo, name)
        if not there or (there == sha and not is_checked_out(repo, name, besides=entry_of(repo, place))):
            return name
    raise ConflictError(f"branch {wanted} and all names like it are taken: rename one")


def _said(entry: TrashEntry, place: Path, branch: str, *, is_detached: bool) -> list[str]:
    said = []
    if place != Path(entry.path):
        said.append(f"{entry.path} is taken: the worktree is {place}")
    if entry.branch and branch != entry.branch:
        said.append(f"branch {entry.branch} is taken: it is {branch}")
    if is_detached:
        said.append(f"HEAD is detached at {entry.head[:7]}, as it was")
    return said


def _git(args: list[str], cwd: Path, timeout_s: float) -> None:
    """With the repository's hooks off."""
    run_git(args, cwd=cwd, timeout_s=timeout_s)
