"""The list of jobs: only the lines that are seen are made, and only those that changed are drawn."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aios_app.cli.client import Json
from aios_app.cli.dashboard.board import Board, Row, next_waiting
from aios_app.cli.dashboard.cells import Columns, age_of
from aios_app.cli.dashboard.keys import bindings
from aios_app.cli.dashboard.strips import plain

_CURSOR = Style(reverse=True)


class JobList(ScrollView, can_focus=True):
    """Shows the rows of a board. The selection stays on its job when jobs come, go and change places."""

    class Selected(Message):
        """Another job is selected."""

    class Rearranged(Message):
        """The columns have other widths."""

    class Touched(Message):
        """The person pressed a key that moves."""

    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(self, board: Board) -> None:
        super().__init__(id="jobs")
        self.board = board
        self.rows: list[Row] = []
        self.columns = Columns(board, 80)
        self.cursor = 0
        self._selected = 0
        self._drawn: dict[int, Strip] = {}

    @property
    def job(self) -> Json | None:
        """The selected job."""
        return self.board.jobs.get(self._selected)

    def on_mount(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()
        self._keep_in_view()

    def redraw(self) -> None:
        """Takes the board as it is now; draws the lines that are other than they were."""
        self.rows = self.board.rows()
        self._find_cursor()
        columns = Columns(self.board, self._width())
        if columns != self.columns:
            self.columns = columns
            self._drawn.clear()
            self.refresh()
            self.post_message(self.Rearranged())
        if self.virtual_size != (size := Size(0, len(self.rows))):
            self.virtual_size = size
        self.draw_changes()

    def draw_changes(self) -> None:
        """Draws the lines in view that are other than they were, e.g. because time has passed."""
        for y in self._in_view():
            if self._drawn.get(y) != self._strip(y):
                self.refresh_line(y)

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        strip = self._strip(y)
        self._drawn[y] = strip
        return strip

    def action_move(self, lines: int) -> None:
        self.post_message(self.Touched())
        self.move(lines)

    def action_page(self, pages: int) -> None:
        self.post_message(self.Touched())
        self.move(pages * max(self.size.height - 1, 1))

    def action_edge(self, edge: int) -> None:
        self.post_message(self.Touched())
        self.cursor = 0 if edge < 0 else len(self.rows) - 1
        self.move(0 if not self._is_heading(self.cursor) else 1)

    def move(self, lines: int) -> None:
        """Moves the selection by so many rows; headings are passed over."""
        step = 1 if lines > 0 else -1
        at = max(0, min(self.cursor + lines, len(self.rows) - 1))
        while 0 <= at < len(self.rows) and isinstance(self.rows[at], str):
            at += step
        if 0 <= at < len(self.rows):
            self._select(at)

    def seek_waiting(self) -> bool:
        """Selects the next waiting job; False where none waits."""
        at = next_waiting(self.rows, self.cursor)
        if at is not None:
            self._select(at)
        return at is not None

    def on_click(self, event: Click) -> None:
        at = event.y + self.scroll_offset.y
        if at < len(self.rows) and not self._is_heading(at):
            self._select(at)

    def _select(self, at: int) -> None:
        row = self.rows[at]
        if isinstance(row, str):
            return
        before, self.cursor, self._selected = self.cursor, at, row["number"]
        self.refresh_line(before)
        self.refresh_line(at)
        self._keep_in_view()
        self.post_message(self.Selected())

    def _find_cursor(self) -> None:
        """Puts the cursor where the selected job is now, or on the one that has come to its place."""
        for at, row in enumerate(self.rows):
            if not isinstance(row, str) and row["number"] == self._selected:
                is_moved, self.cursor = at != self.cursor, at
                if is_moved:
                    self._keep_in_view()
                return
        jobs = [at for at, row in enumerate(self.rows) if not isinstance(row, str)]
        self.cursor = min(jobs, key=lambda at: abs(at - self.cursor), default=0)
        row = self.rows[self.cursor] if jobs else ""
        self._selected = 0 if isinstance(row, str) else row["number"]
        self.post_message(self.Selected())

    def _keep_in_view(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        above = 1 if self.cursor and self._is_heading(self.cursor - 1) else 0
        if self.cursor - above < top:
            self.scroll_to(y=self.cursor - above, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def _width(self) -> int:
        """What is left beside the scroll bar, which is there where the rows do not fit."""
        bar = self.styles.scrollbar_size_vertical if len(self.rows) > self.size.height else 0
        return max(self.size.width - bar, 40)

    def _is_heading(self, at: int) -> bool:
        return at < len(self.rows) and isinstance(self.rows[at], str)

    def _in_view(self) -> range:
        top = self.scroll_offset.y
        return range(top, top + self.size.height)

    def _nothing(self) -> str:
        return (
            "nothing holds these words" if self.board.search else 'no jobs: `:` and then all c:1 "your task"'
        )

    def _strip(self, y: int) -> Strip:
        if y >= len(self.rows):
            return plain(f" {self._nothing()}", "dim") if y == 1 and not self.rows else Strip([])
        row = self.rows[y]
        if isinstance(row, str):
            return plain(f" {row}", "bold")
        strip = self.columns.line(row, age_of(row, self.board.now_ms()))
        if y != self.cursor:
            return strip
        return Strip([Segment(piece.text, _CURSOR) for piece in strip], strip.cell_length)
