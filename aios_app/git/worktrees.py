"""Worktrees: made whole or not at all, removed only where nothing was done in them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError, UsageError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import branch_sha, checked_out_branch, entry_of
from aios_app.git.filling import copy_included, fill_submodules
from aios_app.git.inspection import DiffSize, WorktreeInfo, diff_size, list_worktrees
from aios_app.git.location import Repository
from aios_app.git.locking import wait_for_lock
from aios_app.git.metadata import read_metadata, write_metadata
from aios_app.git.runner import run_git

__all__ = [
    "DiffSize",
    "WorktreeInfo",
    "add_worktree",
    "diff_size",
    "discard_worktree",
    "list_worktrees",
    "read_metadata",
    "repository_lock",
    "write_metadata",
]


@contextlib.contextmanager
def repository_lock(locks_dir: Path, repo: Repository) -> Iterator[None]:
    """Held by one thread of one process at a time; waits for it, and a killed holder lets go."""
    locks_dir.mkdir(parents=True, exist_ok=True)
    with _open(locks_dir / f"{_digest(repo.git_dir)}.lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def add_worktree(repo: Repository, *, path: Path, branch: str, sha: str, timeout_s: float = 600) -> None:
    """Makes the worktree with its new branch, submodules and included files; the caller holds the lock.

    Done already, it is left as it is, also where its agent went to another branch, if its metadata names
    this ``branch``; what a crash left half made is made anew. Where it fails, nothing of it is left. A
    directory or branch of someone else is a ``ConflictError``.
    """
    if not re.fullmatch(r"[0-9a-f]{40,64}", sha):
        raise UsageError(f"'{sha}' is not a commit")
    if branch.startswith("-"):
        raise UsageError(f"'{branch}' cannot be a branch")
    place = path.parent.resolve() / path.name
    deadline = time.monotonic() + timeout_s
    mark = repo.git_dir / f"aios-creating-{_digest(place)}"
    if mark.exists():
        _clear_crashed(repo, mark, place, deadline)
    if os.path.lexists(place):
        _check_ours(repo, place, branch)
        return
    try:
        _make_marked(repo, mark, place, branch, sha, deadline)
    except OSError as error:
        raise GitError(f"worktree {place} could not be made: {error.strerror}") from error


def discard_worktree(repo: Repository, *, path: Path, branch: str, base_sha: str) -> bool:
    """Removes worktree and branch if nothing was done in them; else touches nothing and says False."""
    place = path.parent.resolve() / path.name
    entry = entry_of(repo, place)
    if entry is None or (entry / "locked").exists() or not place.is_dir():
        return False
    options = ["--porcelain=v2", "--branch", "--no-ahead-behind", "-z", "--untracked-files=normal"]
    lines = run_git(
        ["status", *options, "--ignore-submodules=none"], cwd=place, timeout_s=READ_LIMIT_S
    ).split("\0")
    is_at_base = {f"# branch.oid {base_sha}", f"# branch.head {branch}"} <= set(lines)
    if not is_at_base or any(line and not line.startswith("# ") for line in lines):
        return False
    try:
        _remove(repo, place, branch, base_sha)
    except OSError as error:
        raise GitError(f"worktree {place} could not be removed: {error.strerror}") from error
    return True


def _make_marked(repo: Repository, mark: Path, place: Path, branch: str, sha: str, deadline: float) -> None:
    """The mark tells a half made worktree from a whole one; a git that outlives us keeps it locked."""
    with _open(mark) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, json.dumps({"branch": branch, "sha": sha}).encode())
            _make(repo, place, branch, sha, deadline=deadline, descriptor=descriptor)
        except ConflictError:
            mark.unlink()
            raise
        except BaseException:
            with contextlib.suppress(
                OSError, GitError
            ):  # the mark then stays, and the next attempt clears up
                _remove(repo, place, branch, sha)
                mark.unlink()
            raise
    mark.unlink()


def _make(repo: Repository, place: Path, branch: str, sha: str, *, deadline: float, descriptor: int) -> None:
    try:
        run_git(
            ["worktree", "add", "--quiet", "--no-track", "-b", branch, "--", str(place), sha],
            cwd=repo.root,
            timeout_s=_left(deadline),
            keep_open=[descriptor],
        )
    except GitError as error:
        if "a branch named" in error.stderr:
            raise ConflictError(f"branch {branch} exists already in {repo.root}: rename it") from error
        raise
    fill_submodules(place, timeout_s=_left(deadline))
    copy_included(repo, place)


def _clear_crashed(repo: Repository, mark: Path, place: Path, deadline: float) -> None:
    with _open(mark) as descriptor:
        wait_for_lock(descriptor, deadline, f"another git still makes {place}: end it, then retry")
        begun = json.loads(os.read(descriptor, 10_000) or "{}")
    if begun and read_metadata(place) is None:
        if branch_sha(repo, begun["branch"]) not in ("", begun["sha"]):
            raise ConflictError(f"{place} has commits, though its creation was cut off: look at it first")
        _remove(repo, place, begun["branch"], begun["sha"])
    mark.unlink()


def _check_ours(repo: Repository, place: Path, branch: str) -> None:
    entry = entry_of(repo, place)
    is_worktree = entry is not None and place.is_dir()
    if not is_worktree or branch not in {
        checked_out_branch(place),
        (read_metadata(place) or {}).get("branch"),
    }:
        raise ConflictError(f"{place} exists already and is not the worktree of {branch}: move it away")


def _remove(repo: Repository, place: Path, branch: str, sha: str) -> None:
    """Not by ``git worktree remove``, which refuses what is half made; ``prune`` would take others too."""
    if os.path.lexists(place):
        shutil.rmtree(place)
    entry = entry_of(repo, place)
    if entry is not None:
        shutil.rmtree(entry)
        with contextlib.suppress(OSError):
            entry.parent.rmdir()
    if branch_sha(repo, branch) == sha:
        run_git(["update-ref", "-d", f"refs/heads/{branch}", sha], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _left(deadline: float) -> float:
    return max(0.1, round(deadline - time.monotonic(), 1))


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
