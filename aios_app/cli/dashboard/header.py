"""The first line: how many jobs are in which state, and what is wrong."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from aios_app.cli.dashboard.board import Board
from aios_app.cli.dashboard.cells import STATE_STYLES
from aios_app.cli.dashboard.strips import pieces

_WORDS = {"waiting": "waiting for you", "review": "to review"}
#: Of a narrow terminal.
_NARROW_CELLS = 100


def header(board: Board, problem: str, width: int) -> Strip:
    """``aios  4 waiting for you  31 to review  12 running``; the problem at its right end."""
    words = _WORDS if width >= _NARROW_CELLS and not problem else {}
    parts = [(" aios", "bold")]
    for state, count in board.counts().items():
        parts += [("  ", ""), (f"{count} {words.get(state, state)}", STATE_STYLES.get(state, ""))]
    filters = " ".join(
        filter(None, (f"by {board.group}" * bool(board.group), f"/{board.search}" * bool(board.search)))
    )
    right = [(problem, "bold red"), (f"  {filters}" if problem and filters else filters, "bold")]
    room = width - sum(cell_len(text) for text, _ in parts) - sum(cell_len(text) for text, _ in right) - 1
    if problem and room < 1:  # what is wrong comes first
        return pieces([parts[0], ("  ", ""), *right])
    return pieces([*parts, (" " * max(room, 2), ""), *right])
