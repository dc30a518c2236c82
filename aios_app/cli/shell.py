"""A shell in another directory."""

from __future__ import annotations

import os
from pathlib import Path

from aios_app.cli import output, session, terminal
from aios_app.domain.errors import ExternalError

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from typing import NoReturn


def open_shell(directory: str, what: str) -> None:
    """Becomes the person's shell there; without a terminal it prints the path: ``cd $(aios w7)``."""
    path = directory.encode("utf-8", "surrogateescape")
    if not Path(os.fsdecode(path)).is_dir():
        raise ExternalError(output.clean(f"the {what} is not there: {directory}"))
    if not terminal.is_interactive():
        output.say(os.fsdecode(path))
        return
    _become_shell(path, what)


def note_if_gone() -> None:
    """Says so where the directory that the person is in was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        output.note("the directory that you are in is gone: cd to another one")


def _become_shell(path: bytes, what: str) -> NoReturn:
    shell = session.settings().shell
    output.note(output.clean(f"{what}: {os.fsdecode(path)} (`exit` returns)"))
    try:
        os.chdir(path)
        os.execvp(shell, [shell, "-i"])  # noqa: S606 - the shell itself is what is wanted
    except OSError as error:
        raise ExternalError(f"{shell}: {error.strerror}") from error
