"""The person's editor for a directory."""

from __future__ import annotations

import shlex
import shutil

from aios_app.cli import output
from aios_app.cli.client import Client
from aios_app.domain.errors import UsageError


def editor_argv(client: Client) -> list[str]:
    """The setting ``editor_command`` as a program and its words, to be run in the directory."""
    command = str(client.get("/config/editor_command")["value"])
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"editor_command: {str(error).lower()}: aios config editor_command 'code .'"
        ) from error
    if not words:
        raise UsageError("no editor is set: aios config editor_command 'code .'")
    if shutil.which(words[0]) is None:
        raise UsageError(f"{output.clean(words[0])} is not installed: aios config editor_command 'vim .'")
    return words
