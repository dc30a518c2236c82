"""One reader of the event stream, many subscribers, each with its own bounded buffer.

While somebody listens there is one blocked read in Redis; while nobody does, there is not even a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from aios_app.domain.errors import AiosError, QueueError, UsageError
from aios_app.domain.models import Job
from aios_app.ledger import keys
from web.lines import encode

logger = logging.getLogger(__name__)

#: Lines kept for a subscriber that does not read; one more, and it is told ``gap`` in their place.
MAX_LINES = 1000
#: Events read from the stream at once.
_BATCH = 500
#: Seconds between attempts to reach Redis again: the first, and the longest.
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0

_EventId = tuple[int, int]
_Entry = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Edges:
    """The ids of the oldest and the newest event that the stream holds; ``0-0`` where it is empty."""

    oldest: str
    newest: str

    def holds(self, event_id: str) -> bool:
        """Whether no event after ``event_id`` is gone."""
        return _order(self.oldest) <= _order(event_id) <= _order(self.newest)


class Subscription:
    """What one listener has not read yet."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._last: _EventId | None = None  # None: held back until its beginning is known
        self._early: list[tuple[str, bytes]] = []
        self._is_closed = False
        self._wake = asyncio.Event()

    def begin(self, event_id: str, lines: Sequence[bytes], last: str) -> None:
        """Says hello at ``event_id``, then ``lines`` up to event ``last``, then what came meanwhile."""
        self._lines.extend((encode(type="hello", id=event_id), *lines))
        self._last = _order(last)
        for early_id, line in self._early:
            self.push(early_id, line)
        self._early.clear()
        self._wake.set()

    def push(self, event_id: str, line: bytes) -> None:
        """Adds an event; one that was given already is left out."""
        if self._last is None:
            self._early.append((event_id, line))
        elif _order(event_id) > self._last:
            self._last = _order(event_id)
            self._add(event_id, line)

    def skip_to(self, event_id: str) -> None:
        """Tells that events up to ``event_id`` are gone, in the place of all that was not read."""
        self._lines.clear()
        self._early.clear()
        if self._last is not None:
            self._last = _order(event_id)
            self._lines.append(encode(type="gap", id=event_id))
            self._wake.set()

    def tell(self, line: bytes) -> None:
        """Adds a line that is no event, unless nothing was said yet."""
        if self._last is not None:
            self._lines.append(line)
            self._wake.set()

    def close(self) -> None:
        """Lets the reading end."""
        self._is_closed = True
        self._wake.set()

    async def read(self) -> bytes:
        """Waits for the next lines and gives all that there are; empty when closed."""
        await self._wake.wait()
        self._wake.clear()
        taken = b"".join(self._lines)
        self._lines.clear()
        return b"" if self._is_closed else taken

    def _add(self, event_id: str, line: bytes) -> None:
        if len(self._lines) >= MAX_LINES:
            self.skip_to(event_id)
        else:
            self._lines.append(line)
            self._wake.set()


class Feed:
    """Fans the event stream out. Belongs to the event loop that it is used in."""

    def __init__(
        self,
        connect: Callable[[], Redis],
        read_jobs: Callable[[Sequence[int]], Sequence[Job]],
        recover: Callable[[], None],
    ) -> None:
        """``read_jobs`` and ``recover`` are called in a thread; ``recover`` after Redis was away."""
        self._connect = connect
        self._read_jobs = read_jobs
        self._recover = recover
        self._subscriptions: set[Subscription] = set()
        self._reader: asyncio.Task[None] | None = None
        self._position = ""
        self._is_placed = asyncio.Event()
        self._is_away = False

    @contextlib.asynccontextmanager
    async def subscribe(self, after: str = "") -> AsyncIterator[Subscription]:
        """A subscription that begins after event ``after``, or now; ``QueueError`` where Redis is away."""
        if after:
            _check(after)
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            await self._begin(subscription, after)
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                await self._stop_reader()

    async def close(self) -> None:
        """Ends every subscription; their listeners leave by themselves."""
        for subscription in self._subscriptions:
            subscription.close()
        await self._stop_reader()

    async def _begin(self, subscription: Subscription, after: str) -> None:
        try:
            async with self._connect() as redis:
                edges = await _edges(redis)
                await self._place_reader()
                # Read after the reader has its place: what falls between comes twice and is told apart by id.
                start = after or edges.newest
                entries = await _entries(redis, f"({start}", MAX_LINES + 1)
                if (after and not edges.holds(after)) or len(entries) > MAX_LINES:
                    newest = (await _edges(redis)).newest
                    subscription.begin(start, [encode(type="gap", id=newest)], newest)
                else:
                    last = entries[-1][0] if entries else start
                    subscription.begin(start, [line for _, line in await self._encoded(entries)], last)
        except (RedisError, OSError) as error:
            raise QueueError(
                "Redis does not answer: aios up where it is, or aios doctor here", str(error)
            ) from error

    async def _place_reader(self) -> None:
        if self._reader is None:
            self._position = ""
            self._is_away = False
            self._is_placed.clear()
            self._reader = asyncio.create_task(self._read_for_ever())
            self._reader.add_done_callback(self._let_go)
        await self._is_placed.wait()

    async def _stop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])

    def _let_go(self, reader: asyncio.Task[None]) -> None:
        """Whatever ended the reader, nobody waits for it in vain: clients come again."""
        if reader is self._reader and not reader.cancelled():
            logger.error("the reader of the event stream failed", exc_info=reader.exception())
            self._reader = None
            self._is_placed.set()
            for subscription in self._subscriptions:
                subscription.close()

    async def _read_for_ever(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._connect() as redis:
                    await self._place(redis)
                    self._tell_away(is_away=False)
                    pause_s = _FIRST_PAUSE_S
                    await self._read(redis)
            except (RedisError, OSError, AiosError) as error:
                logger.warning("the event stream broke off: %s", error)
                self._tell_away(is_away=True)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _tell_away(self, *, is_away: bool) -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            for subscription in self._subscriptions:
                subscription.tell(encode(type="redis", is_away=is_away))

    async def _place(self, redis: Redis) -> None:
        if not self._position:
            self._position = (await _edges(redis)).newest
            self._is_placed.set()
            return
        await asyncio.to_thread(self._recover)
        edges = await _edges(redis)
        if not edges.holds(self._position):
            self._position = edges.newest
            for subscription in self._subscriptions:
                subscription.skip_to(edges.newest)

    async def _read(self, redis: Redis) -> None:
        while True:
            answer: Any = await redis.xread({keys.EVENTS: self._position}, count=_BATCH, block=0)
            entries: list[_Entry] = [entry for _, batch in answer for entry in batch]
            for event_id, line in await self._encoded(entries):
                for subscription in self._subscriptions:
                    subscription.push(event_id, line)
            self._position = entries[-1][0]

    async def _encoded(self, entries: Sequence[_Entry]) -> list[tuple[str, bytes]]:
        numbers = sorted({int(fields["job"]) for _, fields in entries if fields["kind"] == "job"})
        jobs = (
            {job.number: job for job in await asyncio.to_thread(self._read_jobs, numbers)} if numbers else {}
        )
        lines = []
        for event_id, fields in entries:
            if fields["kind"] == "run":
                lines.append((event_id, encode(type="run", id=event_id, run=int(fields["run"]))))
            elif (job := jobs.get(int(fields["job"]))) is not None:
                lines.append((event_id, encode(type="job", id=event_id, job=job.to_json())))
        return lines


async def _entries(redis: Redis, start: str, count: int) -> list[_Entry]:
    answer: Any = await redis.xrange(keys.EVENTS, start, count=count)
    return list(answer)


async def _edges(redis: Redis) -> Edges:
    oldest = await _entries(redis, "-", 1)
    newest: Any = await redis.xrevrange(keys.EVENTS, count=1)
    return Edges(oldest[0][0] if oldest else "0-0", newest[0][0] if newest else "0-0")


def _check(event_id: str) -> None:
    time_ms, _, count = event_id.partition("-")
    parts = [time_ms, count or "0"]
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise UsageError(f"'{event_id[:40]}' is not the id of an event, such as 1700000000000-0")


def _order(event_id: str) -> _EventId:
    time_ms, _, count = event_id.partition("-")
    return int(time_ms), int(count or 0)
