"""Bring back what is in the trash, as a worktree with its branch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, branch_sha, checked_out_branch, entry_of
from aios_app.git.filling import copy_included, fill_submodules
from aios_app.git.location import Repository
from aios_app.git.metadata import read_metadata, remove_metadata, write_metadata
from aios_app.git.removal import delete_admin, delete_directory, is_checked_out
from aios_app.git.runner import run_git
from aios_app.git.trash import TrashEntry, forget

#: In the metadata of a worktree that is being restored, and of one that was: the entry's commit.
_BEGUN, _DONE = "restores", "restored"
_MOST_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Where it is now."""

    path: Path
    branch: str  #: what is checked out; empty: a detached HEAD
    said: tuple[str, ...] = ()  #: what is not as it was


def restore(repo: Repository, entry: TrashEntry, *, folder: Path, timeout_s: float = 600) -> Restored:
    """Makes the worktree at its old path, else in ``folder``; the caller holds the lock.

    Its branch stands where it stood, and what was not committed is so again; where path or branch are taken,
    others are. Then the entry leaves the trash. Begun again after a crash it goes on.
    """
    head = entry.head or entry.branch_sha or entry.sha
    place = _place(repo, entry, folder, head)
    if (read_metadata(place) or {}).get(_DONE) != entry.sha:
        _bring_back(repo, entry, place, head, timeout_s)
    branch = checked_out_branch(place)
    forget(repo, entry)
    return Restored(path=place, branch=branch, said=tuple(_said(entry, place, branch)))


def _bring_back(repo: Repository, entry: TrashEntry, place: Path, head: str, timeout_s: float) -> None:
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        if admin := entry_of(repo, place):  # of a removal that was cut off
            delete_directory(place)
            delete_admin(repo, admin)
        options = ["--quiet", "--no-checkout", "--detach"]
        _git(["worktree", "add", *options, "--", str(place), head], repo.root, timeout_s)
    write_metadata(place, {_BEGUN: entry.sha})
    _fill(repo, place, entry, head, timeout_s)
    branch = _attach(repo, place, entry, head)
    if entry.metadata:
        write_metadata(place, {**entry.metadata, "branch": branch, _DONE: entry.sha})
    else:
        remove_metadata(place)


def _place(repo: Repository, entry: TrashEntry, folder: Path, head: str) -> Path:
    """The old path where it is free; that of an attempt that was cut off goes first."""
    old = Path(entry.path)
    tries = [old, folder / old.name]
    tries += [folder / f"{old.name}-{number}" for number in range(2, _MOST_TRIES)]
    for place in tries:
        if _is_ours(repo, entry, place, head):
            return place
    for place in tries:
        is_registered = place != old and entry_of(repo, place) is not None
        if not os.path.lexists(place) and not is_registered:
            return place
    raise ConflictError(f"{old} and all names like it are taken: move one away")


def _is_ours(repo: Repository, entry: TrashEntry, place: Path, head: str) -> bool:
    """Whether an attempt to restore the entry made this worktree, also where it came no further than that."""
    data = read_metadata(place)
    if data is not None:
        return entry.sha in (data.get(_BEGUN), data.get(_DONE))
    admin = entry_of(repo, place)
    if admin is None or not place.is_dir() or [path.name for path in place.iterdir()] != [".git"]:
        return False
    return (admin / "HEAD").read_text().strip() == head


def _fill(repo: Repository, place: Path, entry: TrashEntry, head: str, timeout_s: float) -> None:
    """The files as they were, also those that a sparse checkout leaves out; the index as it was staged."""
    args = ["read-tree", "--reset", "-u", entry.sha]
    run_git(args, cwd=place, timeout_s=timeout_s, config={"core.sparseCheckout": "false"})
    fill_submodules(place, timeout_s=timeout_s)
    copy_included(repo, place)
    _git(["read-tree", "--reset", entry.staged or head], place, timeout_s)


def _attach(repo: Repository, place: Path, entry: TrashEntry, head: str) -> str:
    """Gives the worktree its branch, which it stands beside where it did so; the branch's name."""
    wanted = (
        entry.branch or entry.head_branch or str(entry.metadata.get("branch") or f"restored/{entry.name}")
    )
    sha = entry.branch_sha or head
    branch = _free_branch(repo, wanted, sha, place)
    if not branch_sha(repo, branch):
        _git(["update-ref", f"{HEADS}{branch}", sha, ""], place, READ_LIMIT_S)
    if sha == head:
        _git(["symbolic-ref", "HEAD", f"{HEADS}{branch}"], place, READ_LIMIT_S)
    return branch


def _free_branch(repo: Repository, wanted: str, sha: str, place: Path) -> str:
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, _MOST_TRIES))]
    for name in names:
        there = branch_sha(repo, name)
        if not there or (there == sha and not is_checked_out(repo, name, besides=entry_of(repo, place))):
            return name
    raise ConflictError(f"branch {wanted} and all names like it are taken: rename one")


def _said(entry: TrashEntry, place: Path, branch: str) -> list[str]:
    said = []
    if place != Path(entry.path):
        said.append(f"{entry.path} is taken: the worktree is {place}")
    if not branch:
        said.append(f"no branch is checked out, as it was: HEAD is at {entry.head[:7]}")
    elif entry.branch and branch != entry.branch:
        said.append(f"branch {entry.branch} is taken: it is {branch}")
    return said


def _git(args: list[str], cwd: Path, timeout_s: float) -> None:
    """With the repository's hooks off."""
    run_git(args, cwd=cwd, timeout_s=timeout_s)
