"""What would come of landing a worktree as it is now."""

from __future__ import annotations

from pathlib import Path

from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.merging import forecast
from aios_app.git.runner import run_git
from aios_app.git.snapshot import copy_of
from aios_app.git.targets import Target, resolve

_IDENTITY = {
    f"GIT_{role}_{name}": value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (("NAME", "AIOS"), ("EMAIL", "aios@localhost"))
}


def conflicts_of(repo: Repository, worktree: Path, target: Target) -> list[str]:
    """Files of the worktree, uncommitted ones too, that would conflict with ``target`` as last fetched."""
    full_name = f"refs/remotes/{target.name}" if target.remote else target.ref
    return forecast(repo, resolve(repo, full_name), _commit_of(worktree))


def _commit_of(worktree: Path) -> str:
    """A commit of all that stands there, to which nothing refers."""
    git_dir = Path(_read(worktree, "rev-parse", "--absolute-git-dir"))
    with copy_of(worktree, git_dir, timeout_s=READ_LIMIT_S) as copy:
        head = copy.head()
        if not copy.uncommitted():
            return head
        tree = copy.tree()
    args = ["commit-tree", "--no-gpg-sign", "-p", head, "-m", "forecast", tree]
    return run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S, env=_IDENTITY).strip()


def _read(worktree: Path, *args: str) -> str:
    return run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S).rstrip("\n")
