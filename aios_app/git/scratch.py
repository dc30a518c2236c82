"""The one worktree of a repository in which its landings are merged, away from everyone's files."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.git.entries import loose_ref
from aios_app.git.location import Repository
from aios_app.git.locking import wait_for_lock
from aios_app.git.metadata import git_dir_of
from aios_app.git.person import Person
from aios_app.git.runner import GitFailed, GitTimeout, run_git

#: Git on this machine alone: even the first checkout of a very large repository is done within this.
LOCAL_LIMIT_S = 600
#: What a merge, rebase, revert or bisect that was cut off leaves; the index and HEAD are made anew.
_LEFT_BEHIND = ("rebase-merge", "rebase-apply", "sequencer", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
_NO_RECURSION = {"submodule.recurse": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A worktree that belongs to its holder alone until ``scratch`` is left."""

    repo: Repository
    path: Path
    busy: int  #: inherited by each git that writes here, so that one that outlives us is waited for

    def run(self, args: Sequence[str], person: Person, *, config: dict[str, str] | None = None) -> str:
        """Git in this worktree, within the limit for what stays on this machine."""
        return person.run(
            args, cwd=self.path, timeout_s=LOCAL_LIMIT_S, keep_open=[self.busy], config=config or {}
        )

    def read(self, *args: str) -> str:
        """Git that only reads, as ``run_git``."""
        return run_git(args, cwd=self.path, timeout_s=LOCAL_LIMIT_S)

    def head(self) -> str:
        """The commit that is checked out."""
        return loose_ref(git_dir_of(self.path), "HEAD") or self.read("rev-parse", "HEAD").strip()

    def check_out(self, sha: str, person: Person) -> None:
        """The files of ``sha`` and nothing else but ignored ones; whatever was begun here is given up."""
        try:
            self._check_out(sha, person)
        except GitFailed:  # a crash can leave more behind than is known here
            _make(self, person)
            self._check_out(sha, person)

    def fill(self, person: Person) -> None:
        """The submodules as the commit that is checked out wants them."""
        if (self.path / ".gitmodules").is_file():
            args = ["submodule", "--quiet", "update", "--init", "--recursive", "--force"]
            self.run(args, person.without_hooks())

    def _check_out(self, sha: str, person: Person) -> None:
        quiet = person.without_hooks()
        self._forget()
        # Never `reset`: a check command may have left a branch checked out, and that would be moved.
        self.run(["checkout", "--quiet", "--force", "--detach", sha], quiet, config=_NO_RECURSION)
        self.run(["clean", "-ffdq"], quiet)
        self.fill(person)

    def _forget(self) -> None:
        entry = git_dir_of(self.path)
        for lock in entry.rglob("*.lock"):
            lock.unlink(missing_ok=True)
        for name in _LEFT_BEHIND:
            remove(entry / name)


@contextlib.contextmanager
def scratch(repo: Repository, place: Path, person: Person, *, wait_s: float) -> Iterator[Scratch]:
    """The worktree at ``place``, made where it is missing, for the caller alone.

    Waits ``wait_s`` at most for another holder, or for what a killed one left running; then ``GitError``.
    Its files are those of the last use until ``Scratch.check_out``.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with (
        _locked(_beside(place, "lock"), deadline),
        waiting_for_orphans(_beside(place, "busy"), deadline) as busy,
    ):
        held = Scratch(repo=repo, path=place, busy=busy)
        if not _is_ours(held):
            _make(held, person)
        yield held


@contextlib.contextmanager
def waiting_for_orphans(mark: Path, deadline: float) -> Iterator[int]:
    """A descriptor for git to inherit; first whoever holds it still, after a kill, is waited for.

    Left in an orderly way nothing is running any more, and a daemon that a hook started does not count.
    """
    with _locked(mark, deadline) as descriptor:
        try:
            yield descriptor
        finally:
            mark.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """A file, a link or a directory with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path, deadline: float) -> Iterator[int]:
    descriptor = _open_locked(path, deadline)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_locked(path: Path, deadline: float) -> int:
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            wait_for_lock(descriptor, deadline, f"another git holds {path}: wait for its end, then retry")
        except BaseException:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # whoever held it removed it meanwhile: this lock is of no file


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(f"{place.name}.{suffix}")


def _is_ours(held: Scratch) -> bool:
    try:
        entry = git_dir_of(held.path)
        held.head()
    except GitTimeout:
        raise
    except GitError:
        return False
    return entry.parent.resolve() == held.repo.git_dir / "worktrees" and not entry.is_symlink()


def _make(held: Scratch, person: Person) -> None:
    """Twice forced: git has a locked entry for the place where a crash or a person removed the directory."""
    remove(held.path)
    args = ["worktree", "add", "--quiet", "-f", "-f", "--detach", "--no-checkout", "--lock"]
    person.without_hooks().run(
        [*args, "--", str(held.path), _any_commit(held.repo)],
        cwd=held.repo.root,
        timeout_s=LOCAL_LIMIT_S,
        keep_open=[held.busy],
    )


def _any_commit(repo: Repository) -> str:
    """Not HEAD: a person may be on a branch without a commit."""
    args = ["for-each-ref", "--count=1", "--format=%(objectname)", "refs/heads", "refs/remotes"]
    return run_git(args, cwd=repo.git_dir, timeout_s=LOCAL_LIMIT_S).strip() or "HEAD"
