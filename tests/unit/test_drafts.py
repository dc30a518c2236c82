from __future__ import annotations

import pytest

from aios_app.services.drafts import screen_mark, typed_in

_RULE = "\u2500" * 40


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("\u276f ", ""),
        ("\u276f", ""),
        ('\u276f Try "fix the lint errors"', ""),
        ("\u276f half a thought", "half a thought"),
        (" *   Type your message or @path/to/file", ""),
        (" * half a thought", "half a thought"),
        ("\u2502 > half a thought   \u2502", "half a thought"),
        ("\u2502 >                  \u2502", ""),
    ],
)
def test_what_stands_in_an_input_is_told_from_an_empty_one(line: str, typed: str) -> None:
    assert typed_in(f"\u276f an earlier prompt\n* done\n{_RULE}\n{line}\n{_RULE}\n  some hint\n") == typed


def test_a_screen_without_an_input_is_not_known() -> None:
    assert typed_in("compiling ...\n  12 of 40\n") is None


def test_the_mark_of_a_screen_is_the_same_in_a_terminal_of_another_size() -> None:
    wide, narrow = f"{_RULE}{_RULE}\nsome words that fit\n", f"{_RULE}\nsome words\nthat fit\n"

    assert screen_mark(wide) == screen_mark(narrow)
    assert screen_mark(wide) != screen_mark(wide + "x")
