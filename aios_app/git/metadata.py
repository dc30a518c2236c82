"""What AIOS knows of a worktree, kept in the worktree's own git directory: it goes when the worktree goes."""

from __future__ import annotations

import configparser
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import git

from aios_app.domain.errors import GitError

_NAME = "aios.json"


def write_metadata(worktree: Path, data: Mapping[str, object]) -> None:
    """Puts ``data`` in the place of what was there; a reader, also after a crash, sees the old or the new."""
    folder = git_dir_of(worktree)
    try:
        descriptor, draft = tempfile.mkstemp(dir=folder, prefix=_NAME)
        try:
            _write_synced(descriptor, json.dumps(data))
            Path(draft).replace(folder / _NAME)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise GitError(f"{worktree}: its {_NAME} cannot be written: {error.strerror}") from error


def read_metadata(worktree: Path) -> dict[str, object] | None:
    """What was written last; None where AIOS wrote nothing, or nothing that can be read."""
    try:
        data = json.loads((git_dir_of(worktree) / _NAME).read_text(encoding="utf-8"))
    except (GitError, OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def remove_metadata(worktree: Path) -> None:
    """AIOS knows nothing of the worktree any more."""
    (git_dir_of(worktree) / _NAME).unlink(missing_ok=True)


def _write_synced(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def git_dir_of(worktree: Path) -> Path:
    """The git directory of this one worktree; raises ``GitError`` where there is none."""
    return _linked(worktree) or _found(worktree)


def _linked(worktree: Path) -> Path | None:
    """That of a worktree which was added, at the price of its link; None: look closer."""
    try:
        words = (worktree / ".git").read_text(encoding="utf-8", errors="surrogateescape").strip()
        place = (worktree / words.removeprefix("gitdir: ")).resolve()
    except (OSError, ValueError):
        return None
    is_whole = words.startswith("gitdir: ") and (place / "HEAD").is_file() and (place / "commondir").is_file()
    return place if is_whole else None


def _found(worktree: Path) -> Path:
    try:
        with git.Repo(worktree, expand_vars=False) as repo:
            return Path(repo.git_dir).resolve()
    except (git.GitError, configparser.Error, OSError, ValueError) as error:
        raise GitError(f"{worktree} is not a git worktree") from error
