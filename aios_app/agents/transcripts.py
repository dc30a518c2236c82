"""Files of JSON lines in which agents keep their conversations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from aios_app.agents.base import Usage

_LONGEST_LINE = 200


def entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; one that is still being written is left out."""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def count(data: object, *names: str) -> int:
    """The sum of these numbers of tokens; what is missing, or no such number, is none."""
    found = [data.get(name) for name in names] if isinstance(data, dict) else []
    return sum(number for number in found if isinstance(number, int) and number > 0)


def summed(answers: Iterable[Usage]) -> Usage:
    """The usage of a whole conversation."""
    every = list(answers)
    costs = [one.cost_usd for one in every if one.cost_usd is not None]
    return Usage(
        input=sum(one.input for one in every),
        output=sum(one.output for one in every),
        cached=sum(one.cached for one in every),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )


def one_line(words: object) -> str:
    """Whatever stands in a transcript, on one line of bounded length."""
    text = words if isinstance(words, str) else json.dumps(words, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
