"""Single commits: what is told of one, and refs under ``refs/aios/`` for those that no branch has yet."""

from __future__ import annotations

from pathlib import Path

from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, loose_head
from aios_app.git.location import Repository
from aios_app.git.metadata import git_dir_of
from aios_app.git.runner import run_git


def keep_commit(repo: Repository, folder: str, name: str, sha: str) -> str:
    """Keeps ``sha``; returns the ref's full name. What the ref kept before it keeps no longer."""
    ref = f"refs/aios/{folder}/{name}"
    run_git(["update-ref", ref, sha], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    return ref


def forget_commit(repo: Repository, folder: str, name: str) -> None:
    """Keeps it no longer, if it was kept."""
    run_git(["update-ref", "-d", f"refs/aios/{folder}/{name}"], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)


def told(repo: Repository, sha: str) -> str:
    """``commit 3f2a9c1 "subject"``, and ``(signed)`` where it bears a signature, good or not."""
    text = run_git(["cat-file", "commit", sha], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    head, _, message = text.partition("\n\n")
    signed = " (signed)" if "\ngpgsig" in head else ""
    return f'commit {sha[:7]} "{message.strip().partition(chr(10))[0]}"{signed}'


def head_of(worktree: Path) -> tuple[str, str]:
    """Branch and commit that are checked out there; no branch: a detached HEAD."""
    branch, sha = loose_head(git_dir_of(worktree))
    if sha:
        return branch, sha
    args = ["rev-parse", "--revs-only", "HEAD", "--symbolic-full-name", "HEAD"]
    sha, name = run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S).split()
    return ("" if name == "HEAD" else name.removeprefix(HEADS)), sha


def commits_since(repo: Repository, ref: str, base: str, since_ms: int) -> list[str]:
    """``3f2a9c1 subject`` of what ``ref`` has beyond ``base`` and was committed since then, newest first."""
    args = ["log", "--format=%h %s", "--no-decorate", "--no-show-signature", f"--since={since_ms // 1000}"]
    return run_git([*args, f"{base}..{ref}", "--"], cwd=repo.git_dir, timeout_s=READ_LIMIT_S).splitlines()
