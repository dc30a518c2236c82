"""The repository's side of its worktrees: which there are, what each has checked out."""

from __future__ import annotations

import os
import re
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


def loose_ref(git_dir: Path, name: str) -> str:
    """The commit of a ref that stands in a file of its own, as git reads it first; empty: ask git."""
    path = git_dir / name
    text = "" if ".." in name or path.is_symlink() else _text_of(path)
    return text if re.fullmatch(r"[0-9a-f]{40,64}", text) and text.strip("0") else ""


def loose_head(git_dir: Path) -> tuple[str, str]:
    """Branch and commit that are checked out in the worktree of this git directory.

    No commit: git must be asked, of the branch too.
    """
    if sha := loose_ref(git_dir, "HEAD"):
        return "", sha
    name = _text_of(git_dir / "HEAD")
    if not name.startswith(f"ref: {HEADS}"):
        return "", ""
    ref = name.removeprefix("ref: ")
    sha = loose_ref(git_dir / _text_of(git_dir / "commondir"), ref)
    return (ref.removeprefix(HEADS) if sha else ""), sha


def branch_sha(repo: Repository, branch: str) -> str:
    """Empty where there is no such branch."""
    if sha := loose_ref(repo.git_dir, f"{HEADS}{branch}"):
        return sha
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


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except (OSError, ValueError):
        return ""


def _place_of(entry: Path, place: Path) -> Path | None:
    try:
        text = (entry / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except FileNotFoundError:
        return place if entry.name == place.name else None  # cut off before git wrote the first file
    return Path(os.path.normpath(entry / text)).parent
