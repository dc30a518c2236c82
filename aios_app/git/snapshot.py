"""All that stands in a worktree as one tree, made in an index of our own: the worktree's is not touched."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.entries import loose_head
from aios_app.git.nested import check_submodules
from aios_app.git.runner import GitTimeout, first_words, run_git

#: So many names fit into the arguments of one git process, however long they are.
_NAMES_AT_ONCE = 200
_GITLINK = "160000"
#: Where git notes what it put aside, to bring it back at the end.
_AUTOSTASHES = ("rebase-merge/autostash", "rebase-apply/autostash", "MERGE_AUTOSTASH")
#: Line endings are stored as a commit would store them, also where the person wants to be warned.
_STAGING = {"core.safecrlf": "false"}
#: In git's words of a directory that it passes over, with all that is in it.
_UNREADABLE = "could not open directory"
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncommitted:
    """What a commit of all would take, by name; ignored files are never in it."""

    changed: tuple[str, ...]
    untracked: tuple[str, ...]
    nested: tuple[str, ...]  #: repositories in the worktree that are no submodules of it
    unreadable: tuple[str, ...] = ()  #: what git said of directories that it could not look into

    def __bool__(self) -> bool:
        return bool(self.changed or self.untracked or self.nested or self.unreadable)


class WorktreeCopy:
    """A worktree seen through a copy of its index. Made by ``copy_of``."""

    def __init__(self, place: Path, env: dict[str, str], timeout_s: float) -> None:
        self.place = place
        self._env = env
        self._timeout_s = timeout_s
        self._git_dir = Path(env["GIT_DIR"])
        entries = list(self._entries())
        self._gitlinks = [name for mode, name, _ in entries if mode == _GITLINK]
        self._uncover([name for _, name, is_covered in entries if is_covered])

    def head(self) -> str:
        """The commit that is checked out; empty where there is none."""
        if sha := loose_head(self._git_dir)[1]:
            return sha
        try:
            return self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
        except GitTimeout:
            raise
        except GitError:
            return ""

    def branch(self) -> str:
        """The branch that is checked out; empty: a detached HEAD."""
        branch, sha = loose_head(self._git_dir)
        if sha:
            return branch
        try:
            return self.git("symbolic-ref", "--quiet", "HEAD").strip().removeprefix("refs/heads/")
        except GitTimeout:
            raise
        except GitError:
            return ""

    def uncommitted(self) -> Uncommitted:
        """What stands in the worktree and in no commit."""
        options = ["--porcelain=v2", "-z", "--untracked-files=all", "--no-renames"]
        words = ["status", *options, "--ignore-submodules=none"]
        *entries, remarks = self.git(*words, with_remarks=True).split("\0")
        untracked = [entry[2:] for entry in entries if entry.startswith("? ")]
        return Uncommitted(
            changed=tuple(_changed_name(entry) for entry in entries if entry[0] in "1u"),
            untracked=tuple(name for name in untracked if not name.endswith("/")),
            nested=tuple(name.rstrip("/") for name in untracked if name.endswith("/")),
            unreadable=tuple(line for line in remarks.splitlines() if _UNREADABLE in line),
        )

    def check(self, uncommitted: Uncommitted, max_bytes: int) -> None:
        """Raises ``ConflictError`` where a snapshot cannot hold what is there, or holds more than wanted."""
        if uncommitted.unreadable:
            raise ConflictError(f"{self.place} cannot be kept whole: {uncommitted.unreadable[0]}")
        if uncommitted.nested:
            names = ", ".join(uncommitted.nested)
            raise ConflictError(
                f"{self.place} holds git repositories of their own, which cannot be kept: move away {names}"
            )
        if self._has_put_aside():
            raise ConflictError(
                f"{self.place} has changes that an unfinished rebase or merge put aside: abort it there"
            )
        check_submodules(self.place, self._git_dir, self._gitlinks)
        check_size(self.place, [*uncommitted.changed, *uncommitted.untracked], max_bytes)

    def staged(self) -> str:
        """The tree that is staged; empty where files are unmerged. Call it before ``tree``."""
        try:
            return self.git("write-tree").strip()
        except GitTimeout:
            raise
        except GitError:
            return ""

    def tree(self, *, without: Sequence[str] = ()) -> str:
        """The tree of all that is there now, but these names; a further call reads only what has changed."""
        excluded = [f":(top,exclude,literal){name}" for name in without]
        try:
            self.git("add", "--all", "--sparse", "--", ":/", *excluded)
            return self.git("write-tree").strip()
        except GitTimeout:
            raise
        except GitError as error:
            raise ConflictError(f"{self.place} cannot be kept whole: {first_words(error)}") from error

    def git(self, *args: str, with_remarks: bool = False) -> str:
        """Git in the worktree, with the copied index; ``with_remarks`` adds what it said besides."""
        return run_git(
            args,
            cwd=self.place,
            timeout_s=self._timeout_s,
            env=self._env,
            config=_STAGING,
            with_remarks=with_remarks,
        )

    def _has_put_aside(self) -> bool:
        """Whether there are changes that only a file of the worktree's git directory leads to."""
        return any((self._git_dir / name).exists() for name in _AUTOSTASHES)

    def _uncover(self, names: Sequence[str]) -> None:
        """Files of which git was told not to look whether they are changed count as others do."""
        there = [name for name in names if os.path.lexists(self.place / name)]
        for start in range(0, len(there), _NAMES_AT_ONCE):
            for option in ("--no-assume-unchanged", "--no-skip-worktree"):
                self.git("update-index", option, "--", *there[start : start + _NAMES_AT_ONCE])

    def _entries(self) -> Iterator[tuple[str, str, bool]]:
        """Mode and name of each file of the index, and whether changes of it are hidden."""
        for entry in self.git("ls-files", "-v", "--stage", "-z").split("\0"):
            if entry:
                head, _, name = entry.partition("\t")
                yield head[2:8], name, head[0] == "S" or head[0].islower()


@contextmanager
def copy_of(place: Path, git_dir: Path, *, timeout_s: float) -> Iterator[WorktreeCopy]:
    """A copy of the index of the worktree at ``place``, whose own git directory is ``git_dir``.

    Git is told both, so that it never takes the repository around a half removed worktree for it.
    """
    with tempfile.TemporaryDirectory(prefix="aios-index-") as folder:
        index = Path(folder) / "index"
        with suppress(FileNotFoundError):
            shutil.copy2(git_dir / "index", index)  # with its time, by which git tells what is unchanged
        env = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(place), "GIT_INDEX_FILE": str(index)}
        yield WorktreeCopy(place, env, timeout_s)


def _changed_name(entry: str) -> str:
    """Of a line of the status, whose fields before the name are fewer where nothing is unmerged."""
    return entry.split(" ", 8 if entry[0] == "1" else 10)[-1]


def check_size(place: Path, names: Sequence[str], max_bytes: int) -> None:
    """Raises ``ConflictError`` where these files are more than the trash is to take, with the largest."""
    sizes: Counter[str] = Counter()
    for name in names:
        with suppress(OSError):
            sizes[name.partition("/")[0]] += (place / name).lstat().st_size
    if sizes.total() <= max_bytes:
        return
    largest, size = sizes.most_common(1)[0]
    raise ConflictError(
        f"{place} has {_mb(sizes.total())} MB of uncommitted files, and trash_max_mb is {_mb(max_bytes)}; "
        f"the largest is {largest} with {_mb(size)} MB: commit, ignore or move it"
    )


def _mb(size: int) -> int:
    return -(-size // _MB)
