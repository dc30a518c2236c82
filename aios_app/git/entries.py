"""The repository's side of its worktrees: which there are, what each has checked out."""

from __future__ import annotations

import os
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.runner import GitTimeout, run_git

HEADS = "refs/heads/"


def entry_of(repo: Repository, place: Path) -> Path | None:
    """The directory in which the repository keeps its side of a worktree, which may be gone itself."""
    entries = (repo.git_dir / "worktrees").glob("*/")
    return next((entry for entry in entries if _place_of(entry, place) == place), None)


def branch_sha(repo: Repository, branch: str) -> str:
    """Empty where there is no such branch."""
    args = ["for-each-ref", "--format=%(objectname) %(refname)", f"{HEADS}{branch}"]
    rows = run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).splitlines()
    return next((row.split(" ")[0] for row in rows if row.endswith(f" {HEADS}{branch}")), "")


def checked_out_branch(git_dir: Path) -> str:
    """The branch that is checked out in the worktree of this git directory; empty where none is."""
    try:
        head = run_git(["symbolic-ref", "--quiet", "HEAD"], cwd=git_dir, timeout_s=READ_LIMIT_S)
    except GitError:
        return ""
    return head.strip().removeprefix(HEADS)


def reflog(repo: Repository, ref: str) -> list[str]:
    """``stash@{0} WIP on main: ...``: what was done to the ref, newest first; nothing where there is none."""
    try:
        args = ["log", "--walk-reflogs", "--first-parent", "--format=%gd %gs", ref, "--"]
        return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).splitlines()
    except GitTimeout:
        raise
    except GitError:
        return []


def _place_of(entry: Path, place: Path) -> Path | None:
    try:
        text = (entry / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except FileNotFoundError:
        return place if entry.name == place.name else None  # cut off before git wrote the first file
    return Path(os.path.normpath(entry / text)).parent
