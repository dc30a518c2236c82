"""Programs that get the terminal while the dashboard steps back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from textual.app import App

from aios_app.cli import output, parser
from aios_app.domain.errors import ExternalError, UsageError

#: Commands that show something until the person leaves it; after others there is something to read.
_SHOWS = frozenset({"attach", "review", "shell", "start"})


def own_argv(words: Sequence[str]) -> list[str]:
    """``aios`` with these words."""
    return [sys.executable, "-P", "-m", "aios_app.cli", *words]


def is_shown_until_left(words: Sequence[str]) -> bool:
    """Whether ``aios`` with these words holds the terminal until the person has seen enough."""
    try:
        verb, given = parser.find_verb(words[0])
    except UsageError:
        return False
    return verb.name in _SHOWS or (verb.name == "w" and len([*given, *words[1:]]) > 0)


def run_outside(app: App[Any], argv: Sequence[str], cwd: str, *, pauses: bool, heading: str) -> None:
    """Runs the program on the terminal, under a heading; waits for Enter where it ``pauses``, or failed."""
    with app.suspend():
        if heading:
            output.say(output.clean(heading))
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the program's
        try:
            code = subprocess.run(list(argv), cwd=os.fsencode(cwd), check=False).returncode
        except OSError as error:
            output.note(output.clean(f"{argv[0]}: {error.strerror}"))
            code = 1
        if pauses or code:
            _await_enter()
        signal.signal(signal.SIGINT, before)


def run_aside(argv: Sequence[str]) -> str:
    """What the program says, without the terminal. Raises ``ExternalError`` with it where it failed."""
    done = subprocess.run(list(argv), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = "\n".join(data.decode("utf-8", "replace").strip() for data in (done.stdout, done.stderr) if data)
    if done.returncode:
        raise ExternalError(said)
    return said


def _await_enter() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        output.ask("\nEnter: back to the dashboard")
