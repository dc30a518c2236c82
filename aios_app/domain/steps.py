"""Lists of steps: shell commands that a person has put in a row under one name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aios_app.domain.errors import BadValue, UsageError

#: The agent of their jobs, by key and name; no key that a person gives an agent is as long.
STEPS = "steps"
_GRAMMAR = "a step is NAME: Description | command"
#: Steps travel in one request.
_MOST_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: ``command`` is shell text, to be run exactly as it is."""

    description: str
    command: str

    def to_json(self) -> dict[str, str]:
        return {"description": self.description, "command": self.command}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepList:
    """The steps that were built under a name, in order. ``directory`` is where the first was built."""

    name: str
    directory: str
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        steps = [step.to_json() for step in self.steps]
        return {"name": self.name, "directory": self.directory, "steps": steps}


def parse_step(line: str) -> tuple[str, Step]:
    """``demo: Start | echo hi`` -> the list's name and the step; only the first ``:`` and ``|`` divide."""
    name, colon, rest = line.partition(":")
    description, bar, command = rest.partition("|")
    if not (colon and bar):
        raise UsageError(f"{_GRAMMAR}: '{'|' if colon else ':'}' is missing")
    step = Step(description=description.strip(), command=command.strip())
    return check_name(name.strip()), check_step(step)


def check_name(name: str) -> str:
    """The name as it is; raises ``BadValue`` where no list can bear it."""
    if not name:
        raise UsageError(f"{_GRAMMAR}: the name is missing")
    if not name.isprintable():
        raise BadValue("the name of a list of steps holds control characters")
    if name.isdecimal() or name == "." or (name[0] == "r" and name[1:].isdecimal()):
        raise BadValue(f"'{name[:40]}' means a job or a run: give the list of steps another name")
    return name


def check_step(step: Step) -> Step:
    """The step as it is; raises ``UsageError`` where there is nothing to run."""
    if not step.description or not step.command.strip():
        missing = "command" if step.description else "description"
        raise UsageError(f"{_GRAMMAR}: the {missing} is missing")
    for text in (step.description, step.command):
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise BadValue("a step holds a NUL, or bytes that are no text")
    return step


def check_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of one run; raises ``UsageError`` where they cannot be run."""
    if not 0 < len(steps) <= _MOST_STEPS:
        raise UsageError(f"a list has 1 to {_MOST_STEPS} steps, not {len(steps)}")
    return tuple(check_step(step) for step in steps)


def dumped(steps: Sequence[Step]) -> str:
    """The steps as the text that ``loaded`` reads."""
    return json.dumps([step.to_json() for step in steps])


def loaded(text: str) -> tuple[Step, ...]:
    """The inverse of ``dumped``."""
    return tuple(Step(**data) for data in json.loads(text))


def progress_of(steps: Sequence[Step], number: int) -> str:
    """``2/3: Show status``; empty where there is no such step."""
    if not 0 < number <= len(steps):
        return ""
    return f"{number}/{len(steps)}: {_plain(steps[number - 1].description)}"


def done_with(steps: Sequence[Step]) -> str:
    """What stands in the place of the progress once all steps are done."""
    return f"{len(steps)}/{len(steps)} done"


def cause_of(steps: Sequence[Step], number: int, words: str) -> str:
    """``step 2 "Activate" exited 1``, where ``words`` say how the shell ended; empty: it ended well."""
    if not 0 < number <= len(steps):
        return words
    left = len(steps) - number
    if not words and not left:
        return ""
    named = f'step {number} "{_plain(steps[number - 1].description)}"'
    return f"{named} {words}" if words else f"{named} ended the shell, so {_further(left)} did not run"


def _further(count: int) -> str:
    return "1 further step" if count == 1 else f"{count} further steps"


def _plain(text: str) -> str:
    """Short, and without control characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= 100 else line[:99] + "…"
