"""What is known of the person's terminal. The only place of this package that asks the environment for it."""

from __future__ import annotations

import os
import sys

#: Where there is no terminal to ask.
_DEFAULT_WIDTH = 80
_DEFAULT_HEIGHT = 24
_LEAST_WIDTH = 40


def is_interactive() -> bool:
    """Whether a person reads the output and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def can_be_drawn_on() -> bool:
    """Whether a full-screen program can run here."""
    return is_interactive() and os.environ.get("TERM", "dumb") != "dumb"


def is_shown() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def has_colour() -> bool:
    """Whether colours are wanted: on a terminal, without ``NO_COLOR``."""
    return is_shown() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def size() -> tuple[int, int]:
    """Columns and lines; 80 and 24 where standard output is no terminal."""
    try:
        columns, lines = os.get_terminal_size(1)
    except OSError:
        return _DEFAULT_WIDTH, _DEFAULT_HEIGHT
    return max(columns or _DEFAULT_WIDTH, _LEAST_WIDTH), lines or _DEFAULT_HEIGHT


def tmux() -> str:
    """The tmux that this terminal is in, as tmux itself names it; empty outside."""
    return os.environ.get("TMUX", "")


def editor() -> str:
    """The person's editor as one shell-like line."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def pager() -> str:
    """The person's pager as one shell-like line; empty: they want none."""
    return os.environ.get("PAGER", "less -FRX")


def is_mac() -> bool:
    """Whether windows are opened as on a Mac."""
    return sys.platform == "darwin"


def is_iterm() -> bool:
    """Whether this terminal is iTerm."""
    return os.environ.get("TERM_PROGRAM") == "iTerm.app"


def has_display() -> bool:
    """Whether windows can be shown here."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def is_remote() -> bool:
    """Whether the person sits at another machine."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def chosen_browser() -> str:
    """The browser that the person prefers, as one shell-like line."""
    return os.environ.get("BROWSER", "")


def chosen_terminal() -> str:
    """The terminal program that the person prefers, as one shell-like line."""
    return os.environ.get("TERMINAL", "")
