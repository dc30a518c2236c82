"""A line of the dashboard's prompt: the command line without ``aios``, and the words of lists of steps.

``run_line`` does what needs no terminal, and returns an ``Outcome`` that says what is left to do.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from aios_app.cli import parser
from aios_app.domain.errors import UsageError
from aios_app.domain.steps import parse_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a line, and what its caller has to do for it."""

    says: str = ""  #: lines for the person, clean
    words: tuple[str, ...] = ()  #: ``aios`` with these words is to be run on the terminal, in ``cwd``
    argv: tuple[str, ...] = ()  #: this program is to be run on the terminal
    is_end: bool = False  #: the person leaves


def run_line(line: str, cwd: str) -> Outcome:
    """Carries out one line for a person in ``cwd``; an empty one does nothing.

    Raises the ``AiosError`` that they should read.
    """
    first, _, _rest = line.strip().partition(" ")
    if not first:
        return Outcome()
    if first == "quit":
        return Outcome(is_end=True)
    if ":" in line and not _is_command(first):
        return _build(line, cwd)
    return Outcome(words=_split(line))


def _is_command(word: str) -> bool:
    """Whether the word begins a command of the command line."""
    try:
        parser.find_verb(word)
    except UsageError:
        return False
    return True


def _build(line: str, cwd: str) -> Outcome:  # noqa: ARG001 - the catalogue takes it
    name, step = parse_step(line)
    raise UsageError(f"{name}: {step.description}: lists of steps cannot be built yet")


def _split(line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"{str(error).lower()}: a quote is not closed") from error
