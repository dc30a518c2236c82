"""The same for several things that a person named: one that fails does not keep the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aios_app.cli import exits, output
from aios_app.domain.errors import AiosError, StackError


def for_each(things: Sequence[str], do: Callable[[str], None]) -> int:
    """Calls ``do`` for each, says what went wrong, and returns the exit code of all."""
    if len(things) == 1:
        do(things[0])
        return exits.DONE
    failures = 0
    for thing in things:
        try:
            do(thing)
        except StackError:
            raise
        except AiosError as error:
            failures += 1
            output.note(f"{output.clean(thing)}: {output.clean(error)}")
    return exits.FAILED if failures else exits.DONE
