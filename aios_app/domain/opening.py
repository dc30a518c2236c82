"""The words that start one agent: ``c``, ``codex``, ``cp``, ``cpp``, ``c++``, and what follows them."""

from __future__ import annotations

from collections.abc import Iterable

#: In the agent's input, not submitted · submitted · in a new worktree: the default prompt for the first two.
DRAFT, DEFAULT, NEW = "p", "pp", "++"


def split_call(word: str, names: Iterable[str]) -> tuple[str, str] | None:
    """``cpp`` -> ``("c", "pp")``; None where the word calls none of the agents with these keys and names."""
    known = set(names)
    if word in known:
        return word, ""
    for suffix in (NEW, DEFAULT, DRAFT):
        if word.endswith(suffix) and word.removesuffix(suffix) in known:
            return word.removesuffix(suffix), suffix
    return None


def is_place(word: str) -> bool:
    """Whether the word has the shape of a directory: one with blanks must exist to be taken for one."""
    return word in {".", ".."} or ("/" in word and not any(char.isspace() for char in word))
