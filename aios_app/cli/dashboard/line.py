"""One line of text."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from aios_app.cli.dashboard.strips import PLAIN


class Line(Widget):
    """Shows a strip that was made before, cut where the screen ends."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the name in the base class
        super().__init__(id=id)
        self.strip = Strip([])

    def show(self, strip: Strip) -> None:
        """Shows this in the place of what was shown."""
        if strip != self.strip:
            self.strip = strip
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is only one
        return self.strip.crop_extend(0, self.size.width, PLAIN)
