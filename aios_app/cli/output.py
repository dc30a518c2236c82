"""The only place that prints. What agents, projects and git said passes ``clean`` before it is shown."""

from __future__ import annotations

import os
import sys

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "dim": 2}
#: Whole escape sequences; what is left of a broken one falls to ``isprintable``.
_ESCAPES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]"
)


def say(text: str) -> None:
    """One or more lines of what was asked for."""
    print(text, flush=True)


def note(text: str) -> None:
    """A line about what was asked for: progress, warnings, errors."""
    print(text, file=sys.stderr, flush=True)


def say_json(answer: object) -> None:
    """An answer of the API, unchanged."""
    import json

    say(json.dumps(answer))


def ask(question: str) -> str:
    """The line that the person types with its newline; empty at the end of input."""
    print(question, end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def redraw(lines: list[str], drawn: int) -> None:
    """Writes the lines over the ``drawn`` lines of the last time."""
    up = f"\x1b[{drawn}A" if drawn else ""
    print(up + "\x1b[J" + "".join(f"{line}\n" for line in lines), end="", flush=True)


def survive_any_text() -> None:
    """No text that a terminal cannot show ends the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")


def close_quietly() -> None:
    """The reader of standard output is gone: nothing more is written, not even at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def clean(value: object) -> str:
    """The text as one line that cannot steer a terminal."""
    text = str(value)
    if text.isprintable():
        return text
    text = _without_escapes(text)
    return "".join(ch if ch.isprintable() else " " if ch.isspace() else "" for ch in text)


def clean_block(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(clean(_without_escapes(line.rstrip("\r")).expandtabs()) for line in text.split("\n"))


def paint(text: str, colour: str, *, is_on: bool) -> str:
    """The text in a colour, or as it is."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if is_on and colour else text


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_char_cells, text))


def fit(text: str, width: int) -> str:
    """The text cut to so many columns, ``…`` at its end."""
    if cells(text) <= width:
        return text
    taken, end = 1, 0
    while end < len(text) and taken + _char_cells(text[end]) <= width:
        taken += _char_cells(text[end])
        end += 1
    return text[:end] + "…" if width > 0 else ""


def fit_end(text: str, width: int) -> str:
    """The text cut to so many columns at its beginning, as suits a path."""
    return fit(text[::-1], width)[::-1]


def pad(text: str, width: int) -> str:
    """The text cut or filled to exactly so many columns."""
    text = fit(text, width)
    return text + " " * (width - cells(text))


def _without_escapes(text: str) -> str:
    import re

    return re.sub(_ESCAPES, "", text)


def _char_cells(char: str) -> int:
    if char.isascii():
        return 1
    import unicodedata

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
