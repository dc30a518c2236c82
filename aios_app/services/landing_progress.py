"""A landing at work: what it has done, told as it happens, and whether it may go on."""

from __future__ import annotations

from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.landing import Landing
from aios_app.services.context import Context
from aios_app.services.line_up import pass_line
from aios_app.services.records import write_landing

#: Added to the limit of each step, for what is between two of them.
_MARGIN_S = 120.0


def is_clearing(landing: Landing) -> bool:
    """Whether its work is on the branch and it only clears up, behind the line."""
    return landing.outcome is None and landing.place == 0


def _first_steps(landing: Landing) -> tuple[str, ...]:
    """What a person must know who asked on another machine."""
    if not landing.asked_at:
        return ()
    return (f"note git has the keys of the job's machine, not those of your terminal on {landing.asked_at}",)


class Overtaken(AiosError):
    """Another landing has gone on in the place of this one."""


class Progress:
    """Fences and tells the steps of one landing. What is done is seen with the step that follows it."""

    def __init__(self, ctx: Context, landing: Landing) -> None:
        self._ctx = ctx
        self.landing = landing if is_clearing(landing) else landing.evolve(steps=_first_steps(landing))

    def begin(self, what: str, limit_s: float, **changes: Any) -> None:  # noqa: ANN401 - any field of a landing
        """The next step begins, and takes so long at most; ``changes`` of the landing are on disk before it.

        Raises ``Overtaken`` where the landing is not the first in its line any more.
        """
        self.landing = self.landing.evolve(**changes)
        lease_ms = int((limit_s + _MARGIN_S) * 1000)
        verb = "is on" if is_clearing(self.landing) else "lands on"
        words = f"{verb} {self.landing.label}: {what}"
        if not self._ctx.ledger.lines.step(self.landing, words, lease_ms=lease_ms):
            raise Overtaken
        if changes:
            write_landing(self._ctx.settings, self.landing)

    def pass_on(self, **changes: str) -> None:
        """The work is on its branch: whoever is next in line begins. Raises ``Overtaken`` as ``begin``."""
        self.landing = self.landing.evolve(place=0, **changes)
        if not pass_line(self._ctx, self.landing, f"is on {self.landing.label}, clears up"):
            raise Overtaken

    def done(self, line: str) -> None:
        """What a person reads of the step."""
        self.landing = self.landing.evolve(steps=(*self.landing.steps, line))
