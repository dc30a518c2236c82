"""A new window of whatever terminal program this desktop has."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from aios_app.cli import session, terminal
from aios_app.domain.errors import ConflictError, ExternalError

#: Programs in the order of choice, each with the words that go before the command.
TERMINALS: Mapping[str, tuple[str, ...]] = {
    "ptyxis": ("--new-window", "--"),
    "gnome-terminal": ("--window", "--"),
    "konsole": ("-e",),
    "kitty": (),
    "alacritty": ("-e",),
    "wezterm": ("start", "--"),
    "foot": (),
    "xterm": ("-e",),
    "x-terminal-emulator": ("-e",),
}
#: AppleScript gets the command as an argument, never as a part of its text.
_MAC = {
    "iTerm": 'tell application "iTerm" to create window with default profile command (item 1 of argv)',
    "Terminal": 'tell application "Terminal" to do script (item 1 of argv)',
}


def open_window(words: Sequence[str], by_hand: str) -> None:
    """Runs ``aios`` with these words in a new window; raises ``ConflictError`` where none can be opened."""
    argv = window_argv(own_command(words))
    if argv is None:
        raise ConflictError(f"no terminal program is here that could open a window: type {by_hand}")
    try:
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ExternalError(f"{argv[0]}: {error.strerror}") from error


def own_command(words: Sequence[str]) -> list[str]:
    """``aios`` as a command of a window that knows nothing of this terminal's environment."""
    settings = [f"{name}={value}" for name, value in session.settings().environment().items()]
    return ["env", *settings, sys.executable, "-P", "-m", "aios_app.cli", *words]


def window_argv(command: Sequence[str]) -> list[str] | None:
    """The program that shows ``command`` in a new window; None where there is none."""
    if terminal.is_mac():
        return _mac_argv(command)
    if not terminal.has_display():
        return None
    chosen = shlex.split(terminal.chosen_terminal())
    if chosen and shutil.which(chosen[0]):
        known = TERMINALS.get(chosen[0].rpartition("/")[2], ("-e",))
        return [*chosen, *known, *command]
    found = next((name for name in TERMINALS if shutil.which(name)), None)
    return [found, *TERMINALS[found], *command] if found else None


def _mac_argv(command: Sequence[str]) -> list[str] | None:
    if not shutil.which("osascript"):
        return None
    program = "iTerm" if terminal.is_iterm() else "Terminal"
    script = ["on run argv", _MAC[program], "end run"]
    lines = [word for line in script for word in ("-e", line)]
    return ["osascript", *lines, shlex.join(command)]
