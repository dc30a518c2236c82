"""The difference between two trees, as text and as numbers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS
from aios_app.git.location import Repository
from aios_app.git.runner import run_git
from aios_app.git.targets import is_ancestor, resolve

#: Of a difference; what is more is counted. A single file that is larger counts as binary.
MOST_BYTES = 5 * 1024 * 1024
_CONFIG = {"core.bigFileThreshold": str(MOST_BYTES), "core.quotePath": "false"}
_PLAIN = ("-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """One file. A binary one has no lines."""

    path: str
    added: int
    removed: int
    is_binary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs."""

    text: str  #: as git writes it, cut at a line's end
    files: tuple[ChangedFile, ...]
    left_out: int  #: bytes of the text that are not there


def changes_between(
    repo: Repository, old: str, new: str, env: Mapping[str, str] = MappingProxyType({})
) -> Changes:
    """From one commit or tree to another; renamed files are shown as such."""
    numbers = run_git(
        ["diff-tree", *_PLAIN, "--numstat", "-z", old, new],
        cwd=repo.root,
        timeout_s=READ_LIMIT_S,
        env=env,
        config=_CONFIG,
    )
    text, left_out = _text(repo, old, new, env)
    return Changes(text=text, files=tuple(_files(numbers)), left_out=left_out)


def fork_point(repo: Repository, head: str, *, base_ref: str, base_sha: str) -> str:
    """The newest commit of the base that ``head`` has: where it began, or what it took over since."""
    base = _branch_tip(repo, base_ref)
    if not base:
        return base_sha
    try:
        fork = run_git(["merge-base", head, base], cwd=repo.git_dir, timeout_s=READ_LIMIT_S).strip()
    except GitError:
        return base_sha
    return fork if not base_sha or is_ancestor(repo, base_sha, fork) else base_sha


def _branch_tip(repo: Repository, name: str) -> str:
    for prefix in (HEADS, "refs/remotes/"):
        try:
            return resolve(repo, f"{prefix}{name}")
        except GitError:
            continue
    return ""


def _text(repo: Repository, old: str, new: str, env: Mapping[str, str]) -> tuple[str, int]:
    """By a file, as it may be larger than the memory."""
    with tempfile.TemporaryDirectory(prefix="aios-diff-") as folder:
        path = Path(folder) / "diff"
        options = ["-p", "--src-prefix=a/", "--dst-prefix=b/", f"--output={path}"]
        words = ["diff-tree", *_PLAIN, *options, old, new]
        run_git(words, cwd=repo.root, timeout_s=READ_LIMIT_S, env=env, config=_CONFIG)
        size = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
    if size > len(data):
        data = data[: data.rfind(b"\n") + 1]
    return data.decode("utf-8", "surrogateescape"), size - len(data)


def _files(numbers: str) -> Iterator[ChangedFile]:
    """``added TAB removed TAB path NUL``; of a renamed file ``... TAB NUL old NUL new NUL``."""
    words = iter(numbers.split("\0"))
    for word in words:
        if word.count("\t") < 2:
            continue
        added, removed, path = word.split("\t", 2)
        if not path:
            path = f"{next(words)} => {next(words)}"
        yield ChangedFile(
            path=path,
            added=0 if added == "-" else int(added),
            removed=0 if removed == "-" else int(removed),
            is_binary=added == "-",
        )
