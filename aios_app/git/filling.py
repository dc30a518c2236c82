"""What a fresh worktree gets besides its commit: submodules, and ignored files that the person named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.runner import run_git

#: In the person's checkout: patterns, as in .gitignore, of ignored files that a fresh worktree needs.
INCLUDE_FILE = ".worktreeinclude"
#: In each submodule: what its remote gave, be it in no branch.
_MARK_FILLED = (
    "git for-each-ref --format='update refs/aios/filled/%(refname) %(objectname)' refs/tags"
    " | git update-ref --stdin && git update-ref refs/aios/filled/HEAD HEAD"
)
#: So many names fit into the arguments of one git process, however long they are.
_NAMES_AT_ONCE = 200


def fill_submodules(worktree: Path, *, timeout_s: float) -> None:
    """Clones the submodules, where the commit has any."""
    if (worktree / ".gitmodules").is_file():
        update = ["--quiet", "update", "--init", "--recursive"]
        run_git(["submodule", *update], cwd=worktree, timeout_s=timeout_s)
        mark = ["--quiet", "foreach", "--recursive", _MARK_FILLED]
        run_git(["submodule", *mark], cwd=worktree, timeout_s=timeout_s)


def copy_included(repo: Repository, worktree: Path) -> None:
    """Copies what ``.worktreeinclude`` names and git ignores; files that the commit has stay as they are."""
    patterns = repo.root / INCLUDE_FILE
    if repo.is_bare or not patterns.is_file():
        return
    named = _untracked(repo, f"--exclude-from={patterns}", ())
    for start in range(0, len(named), _NAMES_AT_ONCE):
        for name in _untracked(repo, "--exclude-standard", named[start : start + _NAMES_AT_ONCE]):
            _copy(repo.root / name, worktree / name, worktree)


def _untracked(repo: Repository, excludes: str, names: Sequence[str]) -> list[str]:
    literal = [f":(top,literal){name}" for name in names]
    args = ["ls-files", "--others", "--ignored", excludes, "-z", "--", *literal]
    return list(_files(run_git(args, cwd=repo.root, timeout_s=READ_LIMIT_S)))


def _files(output: str) -> Iterator[str]:
    """Without the repositories inside of the repository, which git lists with a slash."""
    return (name for name in output.split("\0") if name and not name.endswith("/"))


def _copy(source: Path, target: Path, worktree: Path) -> None:
    if not target.parent.resolve().is_relative_to(worktree.resolve()):
        raise GitError(f"{INCLUDE_FILE} names {source}, which would be written through a link of the commit")
    if target.exists() or target.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
