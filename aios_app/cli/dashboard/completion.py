"""What the word at the end of the prompt's line may become."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.cli.completion import offers
from aios_app.domain.errors import AiosError

#: Words of the prompt alone.
_OWN = ("attach", "clear", "menu", "open", "quit", "run")


def complete(line: str) -> tuple[str, list[str]]:
    """The line as far as all words agree that fit its end, and these words; asks the service for names."""
    *before, current = line.split(" ")
    found = _words([word for word in before if word], current)
    if not found:
        return line, []
    end = " " if len(found) == 1 else ""
    return " ".join([*before, _beginning(found)]) + end, found


def _words(before: Sequence[str], current: str) -> list[str]:
    try:
        offered = offers([*before, current])
    except (AiosError, OSError, ValueError, KeyError, TypeError):  # then there is nothing to offer
        offered = []
    words = [] if isinstance(offered, str) else [word for word, _ in offered]
    own = [] if before else [word for word in _OWN if word.startswith(current)]
    return sorted({*words, *own})


def _beginning(words: Sequence[str]) -> str:
    """What all of them begin with; ``words`` are sorted."""
    first, last = words[0], words[-1]
    length = next((at for at, char in enumerate(first) if last[at : at + 1] != char), len(first))
    return first[:length]
