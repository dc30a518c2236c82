"""The line at the bottom in which a person types: commands, a prompt for an agent, what to search."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Sequence
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
from aios_app.cli.prompt_line import MARK


class Mode(enum.Enum):
    """What the line is for."""

    REST = ""
    COMMAND = "command"
    SEND = "send"
    SEARCH = "search"


#: What ends a line of the prompt.
_KEYS = {
    Mode.COMMAND: "Enter runs it   Tab completes   ↑↓ what was typed before   Esc: the list",
    Mode.SEND: "Enter sends it   Esc back",
    Mode.SEARCH: "Enter keeps the search   Esc shows all",
}


def pasted_lines(text: str) -> list[str]:
    """The lines of a pasted text that hold something, without what steers a terminal."""
    lines = ("".join(map(_harmless, line)) for line in text.splitlines())
    return [line for line in lines if line.strip()]


def _harmless(char: str) -> str:
    return (" " if char == "\t" else "") if unicodedata.category(char) == "Cc" else char


class _Input(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave"),
        Binding("up,ctrl+p", "older"),
        Binding("down,ctrl+n", "newer"),
        Binding("tab", "complete"),
    ]

    def action_leave(self) -> None:
        self.post_message(Prompt.Left())

    def on_key(self, event: events.Key) -> None:
        """Enter is taken here, as a binding comes late: what is typed on, however fast, is the next line."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(Prompt.Ended(self.value))
            with self.prevent(Input.Changed):
                self.value = ""

    def action_older(self) -> None:
        self.post_message(Prompt.Turned(-1))

    def action_newer(self) -> None:
        self.post_message(Prompt.Turned(1))

    def action_complete(self) -> None:
        self.post_message(Prompt.Completes())

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.post_message(Prompt.Pasted(event.text))


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

    class Ended(Message):
        """The person presses Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Given(Message):
        """The person wants something with the line."""

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

    class Pasted(Message):
        """The person pastes a text into the line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Lines(Message):
        """The person pastes several commands."""

        def __init__(self, lines: Sequence[str]) -> None:
            super().__init__()
            self.lines = lines

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

    @property
    def hints(self) -> str:
        """The keys of its mode; empty where it has none."""
        return _KEYS.get(self.mode, "")

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

    def on_prompt_ended(self, event: Ended) -> None:
        """An empty command leaves the line."""
        event.stop()
        mode, text = self.mode, event.text
        if mode is Mode.COMMAND:
            self.keep(text)
        is_left = mode is Mode.COMMAND and not text.strip()
        self.post_message(self.Left() if is_left else self.Given(mode, text))

    def on_prompt_pasted(self, event: Pasted) -> None:
        """Nothing that is pasted is sent off by itself, or steers the terminal."""
        event.stop()
        lines = pasted_lines(event.text)
        if self.mode is Mode.COMMAND and len(lines) > 1:
            at, typed = self.input.cursor_position, self.input.value
            self.change("")
            self.post_message(self.Lines([typed[:at] + lines[0], *lines[1:-1], lines[-1] + typed[at:]]))
        else:
            self.input.insert_text_at_cursor(" ".join(lines))

    def keep(self, line: str) -> None:
        """Adds the line to the history, behind which the person now is."""
        self._history.add(line)
        self._at, self._draft = len(self._history.lines), ""

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
