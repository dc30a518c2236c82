"""Unfinished work on origin, so that another machine can go on with it."""

from __future__ import annotations

from pathlib import Path

from aios_app.git.base import READ_LIMIT_S
from aios_app.git.fallback import FETCH_OPTIONS
from aios_app.git.location import Repository
from aios_app.git.metadata import git_dir_of
from aios_app.git.person import Person
from aios_app.git.runner import GitFailed, run_git
from aios_app.git.snapshot import WorktreeCopy, copy_of

_WIP = "refs/aios/wip/"
#: By these the commit of what was uncommitted is told from the worktree's own.
_SUBJECT, _EMAIL = "Work in progress", "aios@localhost"
_PUSH = ("--quiet", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no")


def take_wip(repo: Repository, worktree: Path, *, max_bytes: int, timeout_s: float) -> str:
    """A commit of all that stands in the worktree, the same as long as nothing changes there.

    Nothing of the worktree is touched; the caller holds the lock. Raises ``ConflictError`` for what no commit
    can hold.
    """
    with copy_of(worktree, git_dir_of(worktree), timeout_s=timeout_s) as copy:
        return _snapshot(repo, copy, max_bytes)


def push_wip(repo: Repository, name: str, sha: str, person: Person, *, timeout_s: float) -> None:
    """Puts the commit under ``refs/aios/wip/name`` of origin."""
    person.run(["push", *_PUSH, "origin", f"+{sha}:{_WIP}{name}"], cwd=repo.root, timeout_s=timeout_s)


def remove_wip(repo: Repository, name: str, person: Person, *, timeout_s: float) -> None:
    """Takes it away from origin; that there is none is no error."""
    try:
        person.run(["push", *_PUSH, "origin", f":{_WIP}{name}"], cwd=repo.root, timeout_s=timeout_s)
    except GitFailed as error:
        if "remote ref does not exist" not in error.stderr:
            raise


def fetch_wip(repo: Repository, name: str, *, timeout_s: float) -> tuple[str, str]:
    """The commit that origin has, and that at which a worktree begins: what of it was committed.

    Raises ``GitError`` where origin has none.
    """
    ref = f"{_WIP}{name}"
    run_git(["fetch", *FETCH_OPTIONS, "origin", f"+{ref}:{ref}"], cwd=repo.root, timeout_s=timeout_s)
    said = _git(repo, "log", "-1", "--no-show-signature", "--format=%H %P%n%ce%n%s", ref)
    commits, email, subject = said.splitlines()[:3]
    sha, *parents = commits.split()
    is_snapshot = (email, subject) == (_EMAIL, _SUBJECT) and len(parents) == 1
    return sha, parents[0] if is_snapshot else sha


def bring_wip(worktree: Path, sha: str) -> None:
    """Gives a fresh worktree the files of the commit, uncommitted as they were."""
    run_git(["read-tree", "--reset", "-u", sha], cwd=worktree, timeout_s=READ_LIMIT_S)
    run_git(["read-tree", "--reset", "HEAD"], cwd=worktree, timeout_s=READ_LIMIT_S)


def _snapshot(repo: Repository, copy: WorktreeCopy, max_bytes: int) -> str:
    head, uncommitted = copy.head(), copy.uncommitted()
    if not uncommitted:
        return head
    copy.check(uncommitted, max_bytes)
    person = {"NAME": "AIOS", "EMAIL": _EMAIL, "DATE": "2000-01-01T00:00:00Z"}
    env = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()}
    args = ["commit-tree", "--no-gpg-sign", "-p", head, "-m", _SUBJECT, copy.tree()]
    return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S, env=env).strip()


def _git(repo: Repository, *args: str) -> str:
    return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
