"""What the word at the end of the prompt's line may become."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.cli import names
from aios_app.cli.completion import offers
from aios_app.cli.verbs import PROMPT_WORDS
from aios_app.domain.errors import AiosError

#: Those whose name is all that follows, whatever it holds.
_OF_LISTS = ("clear ", "open ")


def complete(line: str) -> tuple[str, list[str]]:
    """The line as far as all words agree that fit its end, and these words; asks the service for names."""
    *before, current = line.split(" ", 1 if line.startswith(_OF_LISTS) else -1)
    found = _words([word for word in before if word], current)
    if not found:
        return line, []
    end = " " if len(found) == 1 else ""
    return " ".join([*before, _beginning(found)]) + end, found


def _words(before: Sequence[str], current: str) -> list[str]:
    try:
        is_list = bool(before) and f"{before[0]} " in _OF_LISTS
        offered = _lists(before[0], current) if is_list else offers([*before, current])
    except (AiosError, OSError, ValueError, KeyError, TypeError):  # then there is nothing to offer
        offered = []
    words = [] if isinstance(offered, str) else [word for word, _ in offered]
    own = [] if before else [word for word in PROMPT_WORDS if word.startswith(current)]
    return sorted({*words, *own})


def _lists(verb: str, current: str) -> names.Names:
    """Lists of steps, and what else the word takes."""
    offered = names.step_lists() + (names.jobs(current) if verb == "open" else [])
    return [one for one in offered if one[0].startswith(current)]


def _beginning(words: Sequence[str]) -> str:
    """What all of them begin with; ``words`` are sorted."""
    first, last = words[0], words[-1]
    length = next((at for at, char in enumerate(first) if last[at : at + 1] != char), len(first))
    return first[:length]
