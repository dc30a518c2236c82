"""``{{name}}`` in a step: its value stands there as one piece of data, quoted for the shell.

Bare it becomes one word, inside ``"..."`` or ``'...'`` a part of that string: what a shell would take for its
own is never that. Where the quoting of a place cannot be known for sure (behind ``$(``, a back-tick, ``<<``,
``#``), only values are taken that no shell reads anything into. The rest of a step is shell text, as written:
a step that gives a value to another shell (``eval``, ``bash -c``, ``ssh``) has to see to it itself.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aios_app.domain.errors import BadValue

_NAME = r"\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*\}\}"
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
#: What may begin something in which other rules of quoting hold.
_HARD = r"(?P<hard>`|\$[({'\"]|<<|\(\(|\[\[|(?<![^\s;&|()])#)"
#: By the quote that is open.
_LOOK = {
    "": re.compile(rf"{_NAME}|\\.|(?P<quote>['\"])|{_HARD}", re.DOTALL),
    "'": re.compile(rf"{_NAME}|(?P<quote>')"),
    '"': re.compile(rf"{_NAME}|\\.|(?P<quote>\")|{_HARD}", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A ``{{name}}`` in a command; ``quote`` is the one that is open there."""

    name: str
    start: int
    end: int
    quote: str
    is_sure: bool


def spots(command: str) -> Iterator[Spot]:
    r"""Where values go, in order. ``\{{name}}`` is none."""
    quote, is_sure, at = "", True, 0
    while match := _LOOK[quote].search(command, at):
        at = match.end()
        found = match.groupdict()
        if found["name"]:
            yield Spot(found["name"], match.start(), at, quote, is_sure)
        elif found["quote"]:
            quote = "" if quote else found["quote"]
        elif found.get("hard"):
            is_sure = False


def names_of(text: str) -> list[str]:
    """The names in a text that no shell reads, e.g. a description."""
    return [match["name"] for match in re.finditer(_NAME, text)]


def fill_text(text: str, values: Mapping[str, str]) -> str:
    """The text with the values as they are."""
    return re.sub(_NAME, lambda match: values[match["name"]], text)


def fill_command(command: str, values: Mapping[str, str]) -> str:
    """The command with the values as data; raises ``BadValue`` for one that cannot be quoted there."""
    filled, end = "", 0
    for spot in spots(command):
        filled += command[end : spot.start] + _quoted(spot, values[spot.name])
        end = spot.end
    return filled + command[end:]


def check_value(name: str, value: str) -> str:
    """The value as it is; raises ``BadValue`` for one that is no text."""
    if _CONTROL.search(value):
        raise BadValue(f"the variable {name} holds control characters, or bytes that are no text")
    return value


def _quoted(spot: Spot, value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    if not spot.is_sure:
        raise BadValue(
            f"the value of {spot.name} needs quoting, which cannot be done where it stands: "
            "behind $, a back-tick, <<, (( or # only letters, digits and _@%+=:,./- are taken"
        )
    if spot.quote == "'":
        return value.replace("'", "'\\''")
    return re.sub(r'([\\"$`])', r"\\\1", value) if spot.quote else shlex.quote(value)
