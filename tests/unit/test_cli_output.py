from __future__ import annotations

import pytest

from aios_app.cli.output import cells, clean, clean_block, fit, fit_end, pad
from aios_app.cli.table import table


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\rb\nc\td", "a b c d"),
        ("bell\x07 del\x7f nul\0", "bell del nul"),
        ("\u202eright to left", "right to left"),
        ("lone \udc80 surrogate", "lone  surrogate"),
        ("\x1b[", ""),
        ("Grüße, 世界", "Grüße, 世界"),
    ],
)
def test_what_is_shown_cannot_steer_a_terminal(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_a_block_keeps_its_lines_and_loses_its_escapes() -> None:
    assert clean_block("one\r\n\x1b[2Jtwo\tend\n") == "one\ntwo     end\n"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert cells("世界") == 4
    assert cells("e\u0301") == 1


@pytest.mark.parametrize("width", range(1, 9))
def test_fitted_text_is_never_wider_than_asked(width: int) -> None:
    for text in ("abcdefghij", "世界世界世界", "a世b界c"):
        assert cells(fit(text, width)) <= width
        assert cells(fit_end(text, width)) <= width
        assert cells(pad(text, width)) == width


def test_a_path_is_cut_at_its_beginning() -> None:
    assert fit_end("/home/me/code/shop", 10) == "…code/shop"


def test_a_table_fits_the_width_whatever_is_in_it() -> None:
    rows = [(1, "x" * 50, "y" * 50, "/a/very/long/path" * 5), (12, "é", "世界", "/p")]

    lines = table(rows, 60, is_path_last=True)

    assert all(cells(line) <= 60 for line in lines)
    assert lines[0].endswith("path")


def test_a_table_without_rows_has_no_lines() -> None:
    assert table([], 80) == []
