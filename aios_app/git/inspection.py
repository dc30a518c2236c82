"""What stands in the worktrees of a repository, read without touching any index."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import UsageError
from aios_app.git.base import READ_LIMIT_S, default_base, resolve_base
from aios_app.git.landed import is_landed
from aios_app.git.location import Repository
from aios_app.git.metadata import read_metadata
from aios_app.git.runner import run_git

#: Worktrees looked at side by side; each takes up to two git processes.
_AT_ONCE = 8
#: What git itself looks at to tell binary files from text.
_BINARY_LOOK_BYTES = 8000
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WorktreeInfo:
    """A worktree of a repository. Of a missing one only the names are known."""

    path: Path
    branch: str  #: empty: a detached HEAD
    head: str
    is_main: bool
    is_missing: bool
    metadata: dict[str, object] | None  #: what AIOS wrote; None: AIOS did not make it
    ahead: int  #: commits that the base has not
    behind: int
    is_dirty: bool
    is_landed: bool  #: the base has all of its commits, whichever way they came in; True where it has none
    disk_bytes: int  #: 0 for the main worktree, which no one thinks of removing


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffSize:
    """How much was changed. A binary file counts as a file without lines."""

    files: int
    added: int
    removed: int


def list_worktrees(repo: Repository, *, base: str = "") -> list[WorktreeInfo]:
    """All worktrees, the main one first, compared with ``base`` (empty: what fresh ones begin at)."""
    base_sha = resolve_base(repo, usual=base).sha if base else default_base(repo)[1]
    output = run_git(["worktree", "list", "--porcelain"], cwd=repo.root, timeout_s=READ_LIMIT_S)
    blocks = [block for block in output.split("\n\n") if block.startswith("worktree /")]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(
            pool.map(lambda item: _info(repo, item[1], base_sha, is_main=item[0] == 0), enumerate(blocks))
        )


def diff_size(worktree: Path, base_sha: str) -> DiffSize:
    """The size of all that differs from ``base_sha``: committed, uncommitted, untracked but not ignored."""
    if not re.fullmatch(r"[0-9a-f]{7,64}", base_sha):
        raise UsageError(f"'{base_sha}' is not a commit")
    summary = run_git(
        ["diff", "--shortstat", "--no-color", base_sha, "--"],
        cwd=worktree,
        timeout_s=READ_LIMIT_S,
    )
    files, added, removed = (_number(summary, word) for word in ("file", "insertion", "deletion"))
    untracked = run_git(
        ["ls-files", "--others", "--exclude-standard", "-z"],
        cwd=worktree,
        timeout_s=READ_LIMIT_S,
    )
    for name in filter(None, untracked.split("\0")):
        files += 1
        added += _lines(worktree / name)
    return DiffSize(files=files, added=added, removed=removed)


def count_commits(worktree: Path, base_sha: str) -> int:
    """How many commits the worktree's HEAD has that the base has not."""
    args = ["rev-list", "--count", f"{base_sha}..HEAD", "--"]
    return int(run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S))


def _info(repo: Repository, block: str, base_sha: str, *, is_main: bool) -> WorktreeInfo:
    fields = dict([*line.split(" ", 1), ""][:2] for line in block.splitlines())
    path, head = repo.root if is_main else Path(fields["worktree"]), fields.get("HEAD", "")
    is_bare = "bare" in fields
    is_missing = not path.is_dir() or "prunable" in fields
    ahead, behind = _distance(repo, base_sha, head)
    has_landed = not ahead or is_landed(repo, head, base_sha)
    return WorktreeInfo(
        path=path,
        branch=fields.get("branch", "").removeprefix("refs/heads/"),
        head=head,
        is_main=is_main,
        is_missing=is_missing,
        metadata=None if is_missing or is_bare else read_metadata(path),
        ahead=ahead,
        behind=behind,
        is_dirty=not is_missing and not is_bare and _is_dirty(path),
        is_landed=has_landed,
        disk_bytes=0 if is_main or is_missing else sum(_disk_bytes(path)),
    )


def _distance(repo: Repository, base_sha: str, head: str) -> tuple[int, int]:
    if head in ("", base_sha) or not head.strip("0"):
        return 0, 0
    args = ["rev-list", "--left-right", "--count", f"{head}...{base_sha}"]
    ahead, behind = run_git(args, cwd=repo.root, timeout_s=READ_LIMIT_S).split()
    return int(ahead), int(behind)


def _is_dirty(worktree: Path) -> bool:
    args = ["status", "--porcelain", "--untracked-files=normal"]
    return bool(run_git(args, cwd=worktree, timeout_s=READ_LIMIT_S))


def _disk_bytes(directory: Path | str) -> Iterator[int]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                yield entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    yield from _disk_bytes(entry.path)
    except OSError:
        return


def _number(summary: str, word: str) -> int:
    match = re.search(rf"(\d+) {word}", summary)
    return int(match[1]) if match else 0


def _lines(path: Path) -> int:
    """0 for what has none: binary files, links, directories, and what is gone by now."""
    if path.is_symlink() or not path.is_file():
        return 0
    try:
        with path.open("rb") as file:
            chunk = file.read(_BINARY_LOOK_BYTES)
            if b"\0" in chunk:
                return 0
            count, last = 0, b""
            while chunk:
                count, last = count + chunk.count(b"\n"), chunk[-1:]
                chunk = file.read(_CHUNK_BYTES)
    except OSError:
        return 0
    return count + (last not in (b"", b"\n"))
