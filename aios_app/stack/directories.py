"""The directories of an instance: private to one person, or refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aios_app.domain.errors import StackError
from aios_app.settings import Settings


def prepare_directories(settings: Settings) -> None:
    """Makes what the stack needs, mode 0700; ``StackError`` for a directory that is not the person's own."""
    make_private(settings.data_dir)
    if settings.runtime_dir != settings.data_dir:
        _refuse_link(settings.runtime_dir)
        make_private(settings.runtime_dir)
    for directory in (settings.run_dir, settings.logs_dir, settings.redis_dir):
        make_private(directory)


def make_private(directory: Path) -> None:
    """Makes the directory, or narrows its mode to 0700 where only reading was open to others."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        problem = why_not_private(directory)
        if problem:
            raise StackError(problem)
        directory.chmod(0o700)
    except OSError as error:
        raise StackError(f"cannot use the directory {directory}: {error.strerror}") from error


def why_not_private(directory: Path) -> str | None:
    """What is wrong with an existing directory and how to mend it; None when it may be used."""
    status = directory.stat()
    if status.st_uid != os.geteuid():
        return f"{directory} belongs to another user (uid {status.st_uid}): set AIOS_DATA_DIR to one of yours"
    if status.st_mode & stat.S_IWOTH:
        return f"everyone may write to {directory}: look at what is in it, then chmod 700 {directory}"
    return None


def _refuse_link(directory: Path) -> None:
    if directory.is_symlink():
        raise StackError(f"{directory} is a symbolic link, but sockets need a directory: remove it")
