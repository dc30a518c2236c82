"""What is uncommitted in a worktree, committed whole: a landing takes everything or refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from aios_app.domain.errors import ConflictError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import read_checkout, require_finished
from aios_app.git.merging import message_file
from aios_app.git.metadata import git_dir_of
from aios_app.git.nested import check_submodules
from aios_app.git.person import Person
from aios_app.git.repository import find_repository
from aios_app.git.runner import run_git
from aios_app.git.scratch import waiting_for_orphans


def commit_all(worktree: Path, message: str, person: Person, *, timeout_s: float = 600) -> str:
    """Commits all that is changed or untracked, not what is ignored. Empty: there was nothing to commit.

    ``timeout_s`` holds for each step, the person's hooks among them. Raises ``ConflictError`` where a commit
    could not hold all: repositories inside, submodules with work of their own, a merge or rebase under way.
    """
    git_dir = git_dir_of(worktree)
    with waiting_for_orphans(git_dir / "aios-commit.busy", time.monotonic() + timeout_s) as busy:
        checkout = read_checkout(find_repository(worktree), worktree)
        require_finished(checkout)
        if checkout.nested:
            names = ", ".join(name.rstrip("/") for name in checkout.nested)
            raise ConflictError(f"{worktree} holds a git repository of its own ({names}): move or ignore it")
        check_submodules(worktree, git_dir, _gitlinks(worktree))
        if checkout.is_clean:
            return ""
        return _commit(worktree, message, person, timeout_s, busy)


def _commit(worktree: Path, message: str, person: Person, timeout_s: float, busy: int) -> str:
    person.run(["add", "--all", "--sparse", "--", ":/"], cwd=worktree, timeout_s=timeout_s, keep_open=[busy])
    if not _read(worktree, "diff", "--cached", "--name-only", "--no-ext-diff", "-z"):
        return ""  # such as line endings, which a commit would not tell apart
    with message_file(message) as file:
        args = ["commit", "--quiet", "--cleanup=whitespace", "-F", file]
        person.run(args, cwd=worktree, timeout_s=timeout_s, keep_open=[busy])
    return _read(worktree, "rev-parse", "HEAD").strip()


def _gitlinks(worktree: Path) -> Iterator[str]:
    for entry in _read(worktree, "ls-files", "--stage", "-z").split("\0"):
        if entry.startswith("160000 "):
            yield entry.partition("\t")[2]


def _read(worktree: Path, *args: str) -> str:
    return run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S)
