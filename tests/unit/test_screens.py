"""The last words of screens as agents and shells show them."""

from __future__ import annotations

import pytest

from aios_app.domain.screens import last_words

_RULE = "─" * 60


@pytest.mark.parametrize(
    ("screen", "words"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("one\ntwo   \n\n\n", "two"),
        (
            f"● Both tests pass now.\n\n{_RULE}\n\u276f \n{_RULE}\n  ? for shortcuts\n",
            "● Both tests pass now.",
        ),
        (
            f"● Edited a.py\n{_RULE}\n\u276f first line\n  second\n{_RULE}\n  hints   context 12%",
            "● Edited a.py",
        ),
        (
            "• Working (12s)\n\n\u203a Write tests for @file\n\n  ? for shortcuts   98% left",
            "• Working (12s)",
        ),
        ("✦ Done.\n╭──────╮\n│ >    │\n╰──────╯\n ~/shop   no sandbox", "✦ Done."),
        ("✦ Done.\n╭──────╮\n│ > a  │\n│      │\n│   b  │\n╰──────╯", "✦ Done."),
        ("│ a box of words │\n╰────────────────╯", "a box of words"),
        (f"{_RULE}\n│ > typed │\n{_RULE}", "> typed"),
        ("hello\n> ", "hello"),
        ("hello\ndemo> ", "hello"),
        ("hello\ndemo> typed", "demo> typed"),
        ("Do you want to proceed?\n\u276f 1. Yes\n  2. No\n\nEsc to cancel", "Do you want to proceed?"),
        ("> quoted\nsaid\n" + "\n".join(f"line {n}" for n in range(20)), "line 19"),
        ("████▒▒ 40%", "40%"),
        ("safe\u202eevil\u200b\x1b[2J", "safeevil[2J"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_the_last_line_that_says_something_is_found(screen: str, words: str) -> None:
    assert last_words(screen) == words
