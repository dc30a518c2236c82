"""What comes before the list: a question, a text to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.strip import Strip

from aios_app.cli.dashboard.line import Line
from aios_app.cli.dashboard.lines import Lines
from aios_app.cli.dashboard.strips import pieces, plain, wrapped

#: Rows that a question takes of the screen at most, and its columns.
_MOST_NAMES = 12
_WIDTH = 76
#: Of its box beside names and question: the border, two empty rows, the answers.
_OTHER_ROWS = 5


class Question(ModalScreen[bool]):
    """Yes or no. Only ``y`` is a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "answer(True)"),
        Binding("n,N,q,escape,ctrl+c", "answer(False)"),
        Binding("down,j", "scroll(1)"),
        Binding("up,k", "scroll(-1)"),
    ]

    def __init__(self, question: str, names: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._names = names

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Lines(id="names")
            yield Lines(id="question")
            yield Line(id="answers")

    def on_resize(self, event: Resize) -> None:
        """Fits the screen as it is now; where not all names have room, they scroll and the question stays."""
        width = min(event.size.width, _WIDTH) - 6
        names = [strip for name in self._names for strip in wrapped(name, width)]
        question = wrapped(self._question, width, "bold")
        room = max(event.size.height - _OTHER_ROWS - len(question), 1)
        shown = min(len(names), _MOST_NAMES, room)
        self._show("#names", names, shown)
        self._show("#question", question, len(question))
        more = [("   ↑↓", "bold"), (f" all {len(names)} lines", "dim")] if shown < len(names) else []
        answers = [("y", "bold"), (" yes   ", "dim"), ("n", "bold"), (" no", "dim"), *more]
        self.query_one("#answers", Line).show(pieces(answers))

    def _show(self, name: str, lines: Sequence[Strip], rows: int) -> None:
        shown = self.query_one(name, Lines)
        shown.show(lines)
        shown.styles.height = rows

    def action_answer(self, is_yes: bool) -> None:  # noqa: FBT001 - as a binding gives it
        self.dismiss(is_yes)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#names", Lines).scroll_relative(y=lines, animate=False)


class Reader(ModalScreen[None]):
    """A text on the whole screen, to scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,ctrl+c", "dismiss"),
        Binding("down,j,enter", "scroll(1)"),
        Binding("up,k", "scroll(-1)"),
        Binding("pagedown,space,f,ctrl+d", "page(1)"),
        Binding("pageup,b,ctrl+u", "page(-1)"),
        Binding("home,g", "edge(0)"),
        Binding("end,G", "edge(1)"),
        Binding("right", "sideways(8)"),
        Binding("left", "sideways(-8)"),
    ]

    def __init__(self, title: str, lines: Sequence[Strip]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        heading, foot = Line(id="heading"), Line(id="foot")
        heading.show(plain(f" {self._title}", "bold"))
        foot.show(plain(" ↑↓ PgUp PgDn scroll   q back", "dim"))
        yield heading
        yield Lines(self._lines, id="text")
        yield foot

    @property
    def _text(self) -> Lines:
        return self.query_one("#text", Lines)

    def action_scroll(self, lines: int) -> None:
        self._text.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        self._text.scroll_relative(y=pages * max(self._text.size.height - 1, 1), animate=False)

    def action_edge(self, edge: int) -> None:
        self._text.scroll_to(y=edge * len(self._lines), animate=False)

    def action_sideways(self, cells: int) -> None:
        self._text.scroll_relative(x=cells, animate=False)
