"""Text of others as lines of the dashboard: whatever it holds, it only has colours."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.ansi import AnsiDecoder
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from aios_app.cli import output

#: Of every piece that has no style of its own: without any, colours cannot be taken out of it.
PLAIN = Style()
_SGR = re.compile(r"(\x1b\[[0-9;:]*m)")
_LONGEST = 2000  #: characters of one line that are looked at
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "blue"}
_DIFF_HEADS = ("+++", "---", "diff ", "index ", "new file", "deleted file", "rename ", "similarity ")


def plain(text: str, style: str = "") -> Strip:
    """One clean line in one style."""
    line = output.clean(text[:_LONGEST])
    return Strip([Segment(line, Style.parse(style))], cell_len(line))


def pieces(parts: Iterable[tuple[str, str]]) -> Strip:
    """Clean pieces of one line, each with its style."""
    return Strip([Segment(output.clean(text), Style.parse(style)) for text, style in parts if text])


def block(text: str, style: str = "") -> list[Strip]:
    """The lines of a text, cleaned."""
    return [plain(line.expandtabs(), style) for line in text.split("\n")]


def diff(text: str) -> list[Strip]:
    """A diff in the colours of diffs."""
    return [plain(line.expandtabs(), _diff_style(line)) for line in text.split("\n")]


def screen(text: str) -> list[Strip]:
    """A terminal's screen with its colours; every other sequence is taken out, and blank lines at the end."""
    decoder = AnsiDecoder()  # colours go on from line to line
    return [_coloured(decoder.decode_line(_only_colours(line))) for line in text.rstrip().split("\n")]


def wrapped(text: str, width: int, style: str = "") -> list[Strip]:
    """The text broken into lines of at most so many cells, between words where that can be."""
    lines: list[str] = []
    for line in output.clean_block(text).split("\n"):
        lines += _broken(line, max(width, 1))
    return [plain(line, style) for line in lines]


def fitted(text: str, width: int) -> str:
    """The clean text as exactly so many cells, ``…`` where it was cut."""
    cells = cell_len(text)
    if cells <= width:
        return text + " " * (width - cells)
    return set_cell_size(text, max(width - 1, 0)) + "…" if width > 0 else ""


def _only_colours(line: str) -> str:
    parts = _SGR.split(line[:_LONGEST])
    return "".join(part if _SGR.fullmatch(part) else output.clean(part) for part in parts)


def _coloured(text: Text) -> Strip:
    segments, at = list[Segment](), 0
    for span in text.spans:
        segments.append(Segment(text.plain[at : span.start], PLAIN))
        style = span.style if isinstance(span.style, Style) else PLAIN
        segments.append(Segment(text.plain[span.start : span.end], style))
        at = span.end
    segments.append(Segment(text.plain[at:], PLAIN))
    return Strip([segment for segment in segments if segment.text])


def _broken(line: str, width: int) -> list[str]:
    lines = list[str]()
    while cell_len(line) > width:
        fits = _whole(line, width)
        at = fits.rfind(" ") + 1 or len(fits)
        lines.append(line[:at].rstrip())
        line = line[at:]
    return [*lines, line]


def _whole(text: str, width: int) -> str:
    """As many whole characters as fit, at least one."""
    end, cells = 1, cell_len(text[:1])
    while end < len(text) and (cells := cells + cell_len(text[end])) <= width:
        end += 1
    return text[:end]


def _diff_style(line: str) -> str:
    return "dim" if line.startswith(_DIFF_HEADS) else _DIFF_COLOURS.get(line[:1], "")
