from __future__ import annotations

import pytest

from aios_app.domain.opening import is_place, split_call

NAMES = ["c", "codex", "l", "claude", "map", "chip"]


@pytest.mark.parametrize(
    ("word", "call"),
    [
        ("c", ("c", "")),
        ("codex", ("codex", "")),
        ("cp", ("c", "p")),
        ("cpp", ("c", "pp")),
        ("c++", ("c", "++")),
        ("claude++", ("claude", "++")),
        ("claudep", ("claude", "p")),
        ("chip", ("chip", "")),
        ("map", ("map", "")),
        ("mapp", ("map", "p")),
        ("c+", None),
        ("c+++", None),
        ("cppp", None),
        ("p", None),
        ("++", None),
        ("", None),
        ("C", None),
    ],
)
def test_a_word_calls_an_agent_by_its_key_or_name_and_what_may_follow(
    word: str, call: tuple[str, str] | None
) -> None:
    assert split_call(word, NAMES) == call


@pytest.mark.parametrize(
    ("word", "is_one"),
    [(".", True), ("..", True), ("./a", True), ("/", True), ("a/b", True), ("a", False), ("fix a/b", False)],
)
def test_a_directory_is_told_by_its_shape(word: str, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_place(word) is is_one
