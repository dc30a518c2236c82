"""Lines to look at, and to scroll: a screen, a diff, a page of help."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aios_app.cli.dashboard.strips import PLAIN


class Lines(ScrollView):
    """Shows lines that were made before; as many as there are, only those in view cost anything."""

    def __init__(self, lines: Sequence[Strip] = (), *, id: str) -> None:  # noqa: A002 - the name in the base class
        super().__init__(id=id)
        self.lines: list[Strip] = []
        self.show(lines)

    def show(self, lines: Sequence[Strip]) -> None:
        """Shows these lines, from the first on."""
        self.lines = list(lines)
        self.virtual_size = Size(max((line.cell_length for line in lines), default=0), len(lines))
        if self.is_mounted:
            self.scroll_to(x=0, y=0, animate=False, immediate=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        line = self.lines[top + y] if top + y < len(self.lines) else Strip([])
        return line.crop_extend(x, x + self.size.width, PLAIN)
