"""Rows in columns that fit the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.cli.output import cells, clean, fit, fit_end, pad

_GAP = "  "
#: No column but the last is wider.
_WIDEST = 36
_LEAST_LAST = 12


def table(rows: Sequence[Sequence[object]], width: int, *, is_path_last: bool = False) -> list[str]:
    """Lines of at most ``width`` columns. The last column takes what is left of it."""
    texts = [[clean(cell) for cell in row] for row in rows]
    if not texts:
        return []
    widths = _widths(texts, width)
    cut = fit_end if is_path_last else fit
    room = max(width - sum(widths) - len(_GAP) * len(widths), 0)
    return [_line(row, widths, cut(row[-1], room)) for row in texts]


def _line(row: Sequence[str], widths: Sequence[int], last: str) -> str:
    columns = [pad(cell, size) for cell, size in zip(row, widths, strict=False)]
    return _GAP.join([*columns, last]).rstrip()


def _widths(texts: Sequence[Sequence[str]], width: int) -> list[int]:
    columns = list(zip(*(row[:-1] for row in texts), strict=True))
    widths = [min(max(map(cells, column)), _WIDEST) for column in columns]
    room = width - _LEAST_LAST - len(_GAP) * len(widths)
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    return widths
