"""What an agent's screen says last."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: Lines, blank ones left out, in which the input of a full-screen program is looked for.
_INPUT_LINES = 10
_LONGEST = 300
_DRAWN = r"\s\u2500-\u259f"  # boxes, rules and blocks
_RULE = re.compile(rf"[{_DRAWN}]*[─━═▀▄]{{3}}[{_DRAWN}]*")
_INPUT = re.compile(r"\s*([\u203a\u276f>](\s|$)|[\w.-]{1,20}>\s*$)")
_FRAME = re.compile(rf"^[{_DRAWN}]+|[{_DRAWN}]+$")


def last_words(screen: str) -> str:
    """The lowest line that says something, above the place in which a person types; empty: there is none.

    Without frames, and without what would change how the text around it is shown.
    """
    lines = [line for line in screen.splitlines() if line.strip()]
    above = lines[: _input_row(lines)]
    return next(filter(None, map(_words, [*reversed(above), *reversed(lines)])), "")


def _input_row(lines: Sequence[str]) -> int:
    """Where the box begins in which a person types, or the line; behind the last one where there is none."""
    first = max(0, len(lines) - _INPUT_LINES)
    rules = [row for row in range(first, len(lines)) if _RULE.fullmatch(lines[row])]
    if len(rules) > 1:
        return rules[-2]
    return next((row for row in range(len(lines) - 1, first - 1, -1) if _INPUT.match(lines[row])), len(lines))


def _words(line: str) -> str:
    shown = "".join(char for char in line if unicodedata.category(char) not in {"Cc", "Cf"})
    words = _FRAME.sub("", shown)[:_LONGEST]
    return words if any(char.isalnum() for char in words) else ""
