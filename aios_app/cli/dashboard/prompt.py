"""The line at the bottom in which a person types: commands, a prompt for an agent, what to search."""

from __future__ import annotations

import enum
import unicodedata
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from aios_app.cli.dashboard.line import Line
from aios_app.cli.dashboard.memory import History
from aios_app.cli.dashboard.strips import pieces, plain

MARK = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"


class Mode(enum.Enum):
    """What the line is for."""

    REST = ""
    COMMAND = "command"
    SEND = "send"
    SEARCH = "search"


class _Input(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave"),
        Binding("up,ctrl+p", "older"),
        Binding("down,ctrl+n", "newer"),
        Binding("tab", "complete"),
    ]

    def action_leave(self) -> None:
        self.post_message(Prompt.Left())

    def action_older(self) -> None:
        self.post_message(Prompt.Turned(-1))

    def action_newer(self) -> None:
        self.post_message(Prompt.Turned(1))

    def action_complete(self) -> None:
        self.post_message(Prompt.Completes())

    def _on_paste(self, event: events.Paste) -> None:
        """Lines that are pasted are one line: no paste is sent off by itself, or steers the terminal."""
        event.prevent_default()
        event.stop()
        text = " ".join(event.text.splitlines())
        self.insert_text_at_cursor("".join(char for char in text if unicodedata.category(char) != "Cc"))


class Prompt(Horizontal):
    """One line in one of its modes; in ``REST`` it takes no keys."""

    class Left(Message):
        """The person leaves the line."""

    class Turned(Message):
        """The person turns the pages of the history."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Completes(Message):
        """The person wants the word completed."""

    class Given(Message):
        """The person ends the line with Enter."""

        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode = mode
            self.text = text

    class Typed(Message):
        """The text has changed."""

        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode = mode
            self.text = text

    def __init__(self, history: History) -> None:
        super().__init__(id="prompt")
        self.mode = Mode.REST
        self._history = history
        self._at = 0
        self._draft = ""
        self._mark = Line(id="mark")
        self.input = _Input(id="input", compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        yield self._mark
        yield self.input

    def on_mount(self) -> None:
        self.rest()

    def begin(self, mode: Mode, label: str, text: str = "") -> None:
        """Takes the keys, for that mode; ``label`` stands before the text."""
        self.mode = mode
        self._at, self._draft = len(self._history.lines), text
        self._label(label, "bold")
        self.input.placeholder = ""
        self.input.disabled = False
        self.input.value = text
        self.input.cursor_position = len(text)
        self.input.focus()

    def rest(self) -> None:
        """Gives the keys back."""
        self.mode = Mode.REST
        self._label(MARK, "dim")
        self.input.value = ""
        self.input.placeholder = ": to type a command"
        self.input.disabled = True

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.mode is not Mode.REST:
            self.post_message(self.Typed(self.mode, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        mode, text = self.mode, event.value
        if mode is Mode.COMMAND:
            self._history.add(text)
        self.post_message(self.Given(mode, text))

    def on_prompt_turned(self, event: Turned) -> None:
        """Shows an older or a newer line; behind the newest stands what was typed."""
        event.stop()
        lines = self._history.lines
        if self.mode is not Mode.COMMAND or not 0 <= self._at + event.step <= len(lines):
            return
        if self._at == len(lines):
            self._draft = self.input.value
        self._at += event.step
        self.change(lines[self._at] if self._at < len(lines) else self._draft)

    def change(self, text: str) -> None:
        """Puts this in the place of what was typed."""
        self.input.value = text
        self.input.cursor_position = len(text)

    def _label(self, label: str, style: str) -> None:
        strip = plain(f"{label} ", style)
        self._mark.styles.width = strip.cell_length
        self._mark.show(pieces([(label, style), (" ", "")]))
