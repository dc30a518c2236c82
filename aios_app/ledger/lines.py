"""The lines of landings: one per remote and branch, first come first served, each job in one of them once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aios_app.domain.landing import Landing
from aios_app.ledger import keys
from aios_app.ledger.connection import redis_errors
from aios_app.ledger.texts import as_json, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Who lands now in a line, and until when it must have gone on."""

    line: str
    job: int
    landing: str  #: id
    machine: str
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a change of a line asks for."""

    watcher: str  #: the machine whose worker has to look at the head when its time is over; empty: none
    has_new_head: bool


class Lines:
    """The merge queue. Each change is one atomic step with the words and the events of all jobs concerned.

    Only the head of a line goes on: ``step`` and ``leave`` refuse a landing that was passed over meanwhile.
    """

    def __init__(self, redis: Any, run: Callable[..., Any]) -> None:  # noqa: ANN401 - of connect()
        self._redis = redis
        self._run = run

    def join(self, landing: Landing, *, lease_ms: int) -> Moved | None:
        """Puts the landing at the end of its line; None, and nothing changed: its job has one already."""
        text, number = as_json(landing.to_json()), landing.job
        return _moved(self._run("line_join", landing.line, landing.label, number, text, lease_ms))

    def step(self, landing: Landing, words: str, *, lease_ms: int) -> bool:
        """Notes what the landing has done, and how long it has for what is next.

        False, and nothing changed: it is not the head, and does not clear up either.
        """
        return bool(self._run("line_step", *_stands(landing), lease_ms, whole(words)))

    def pass_on(self, landing: Landing, words: str, *, lease_ms: int) -> Moved | None:
        """The next one begins while the head, its work on the branch, clears up. None: it is not the head."""
        return _moved(self._run("line_pass", *_stands(landing), lease_ms, whole(words)))

    def leave(
        self, landing: Landing, words: str, *, lease_ms: int, only_if_late: bool = False
    ) -> Moved | None:
        """The landing is over; after the head's the next one begins.

        None, and nothing changed: it is not the head and does not clear up, or, with ``only_if_late``, has
        time left.
        """
        return _moved(self._run("line_leave", *_stands(landing), lease_ms, whole(words), int(only_if_late)))

    def remember(self, landing: Landing) -> None:
        """Puts a landing that is over back into a ledger that was made anew."""
        with redis_errors():
            self._redis.set(keys.landing(landing.job), as_json(landing.to_json()))

    def landing(self, number: int) -> Landing | None:
        """The job's last landing, with its place in line; one that clears up has none and no outcome."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(keys.landing(number))
            pipe.hget(keys.LINES, number)
            text, line = pipe.execute()
            place = None if line is None else self._redis.lpos(keys.line(line), number)
        if text is None:
            return None
        return Landing.from_json(json.loads(text)).evolve(place=0 if place is None else place + 1)

    def head(self, line: str) -> Head | None:
        """The head of a line; None where nobody stands in it."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.lindex(keys.line(line), 0)
            pipe.hgetall(keys.line(line) + ":head")
            number, data = pipe.execute()
        if number is None:
            return None
        return Head(
            line=line,
            job=int(number),
            landing=data["landing"],
            machine=data["machine"],
            until_ms=int(data["until_ms"]),
        )

    def heads(self) -> list[Head]:
        """Those of all lines."""
        with redis_errors():
            lines = sorted(set(self._redis.hvals(keys.LINES)))
        return [head for line in lines if (head := self.head(line)) is not None]

    def clearing(self) -> list[int]:
        """The jobs whose landings clear up."""
        with redis_errors():
            return sorted(map(int, self._redis.hkeys(keys.CLEARING)))


def _stands(landing: Landing) -> tuple[str, int, str, str]:
    return landing.line, landing.job, landing.id, as_json(landing.to_json())


def _moved(answer: Sequence[Any]) -> Moved | None:
    done, watcher, has_new_head = answer
    return Moved(watcher=str(watcher), has_new_head=bool(has_new_head)) if done else None
