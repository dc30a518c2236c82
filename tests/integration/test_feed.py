"""The feed against a real Redis: order, resuming, bounds, and a Redis that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from aios_app.domain.errors import QueueError, UsageError
from aios_app.domain.models import Job
from aios_app.ledger import keys
from tests.jobs import make_job
from tests.private_redis import RedisServer
from web.feed import MAX_LINES, Feed, Subscription

Make = Callable[[], Feed]


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    client = Redis(unix_socket_path=str(redis_server.socket), decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def recoveries() -> list[str]:
    """Grows by one each time that the feed saw Redis come back."""
    return []


@pytest.fixture
def make_feed(redis_server: RedisServer, recoveries: list[str]) -> Make:
    def connect() -> AsyncRedis:
        path = str(redis_server.socket)
        retry = Retry(NoBackoff(), 0)
        return AsyncRedis(unix_socket_path=path, decode_responses=True, socket_timeout=None, retry=retry)

    return lambda: Feed(connect, _jobs, lambda: recoveries.append("recovered"))


def test_events_arrive_in_the_order_in_which_they_happened(redis: Redis, make_feed: Make) -> None:
    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe() as subscription:
            for number in (3, 1, 2):
                _tell(redis, number)
            return await _take(subscription, 4)

    hello, *events = asyncio.run(listen())

    assert hello["type"] == "hello"
    assert [event["job"]["number"] for event in events] == [3, 1, 2]


def test_a_subscription_begins_now_and_not_with_the_past(redis: Redis, make_feed: Make) -> None:
    past = _tell(redis, 1)

    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe() as subscription:
            _tell(redis, 2)
            return await _take(subscription, 2)

    hello, event = asyncio.run(listen())

    assert hello["id"] == past
    assert event["job"]["number"] == 2


def test_a_subscriber_goes_on_after_the_event_that_it_saw_last(redis: Redis, make_feed: Make) -> None:
    seen, *_ = (_tell(redis, number) for number in (1, 2, 3))

    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe(seen) as subscription:
            _tell(redis, 4)
            return await _take(subscription, 4)

    _, *events = asyncio.run(listen())

    assert [event["job"]["number"] for event in events] == [2, 3, 4]


def test_nothing_is_lost_or_doubled_for_those_who_join_while_events_flow(
    redis: Redis, make_feed: Make
) -> None:
    first = _tell(redis, 1)

    async def listen() -> list[list[int]]:
        feed = make_feed()
        async with contextlib.AsyncExitStack() as stack, _flow(redis, range(2, 101)):
            joined = [await stack.enter_async_context(feed.subscribe(first)) for _ in range(10)]
            taken = [await _take(subscription, 100) for subscription in joined]
        return [[event["job"]["number"] for event in events[1:]] for events in taken]

    assert asyncio.run(listen()) == [list(range(2, 101))] * 10


def test_a_gap_is_told_where_the_events_after_the_last_seen_one_are_gone(
    redis: Redis, make_feed: Make
) -> None:
    seen = _tell(redis, 1)
    newest = [_tell(redis, number) for number in (2, 3, 4)][-1]
    redis.xtrim(keys.EVENTS, maxlen=1, approximate=False)

    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe(seen) as subscription:
            _tell(redis, 5)
            return await _take(subscription, 3)

    _, gap, event = asyncio.run(listen())

    assert gap == {"v": 1, "type": "gap", "id": newest}
    assert event["job"]["number"] == 5


def test_a_subscriber_that_does_not_read_costs_a_bounded_buffer_and_is_told_of_the_gap(
    redis: Redis, make_feed: Make
) -> None:
    async def listen() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        feed = make_feed()
        async with feed.subscribe() as slow, feed.subscribe() as quick:
            for number in range(MAX_LINES + 10):
                _tell(redis, number)
            seen = await _take(quick, MAX_LINES // 2)
            last = _tell(redis, 7)
            while seen[-1]["id"] != last:
                seen += await _take(quick, 1)
            return await _take(slow, 1), seen

    first, _ = asyncio.run(listen())

    assert first[0]["type"] == "gap"
    assert len(first) <= MAX_LINES


def test_subscribers_survive_a_restart_of_redis(
    redis: Redis, redis_server: RedisServer, make_feed: Make, recoveries: list[str]
) -> None:
    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe() as subscription:
            _tell(redis, 1)
            before = await _take(subscription, 2)
            redis_server.kill()
            await asyncio.to_thread(redis_server.start)
            _tell(redis, 2)
            return before + await _take(subscription, 3)

    _, first, away, back, second = asyncio.run(listen())

    assert (first["job"]["number"], second["job"]["number"]) == (1, 2)
    assert [(line["type"], line["is_away"]) for line in (away, back)] == [("redis", True), ("redis", False)]
    assert recoveries


def test_subscribers_are_told_of_the_gap_when_redis_came_back_without_its_data(
    redis: Redis, redis_server: RedisServer, make_feed: Make
) -> None:
    async def listen() -> list[dict[str, Any]]:
        async with make_feed().subscribe() as subscription:
            _tell(redis, 1)
            await _take(subscription, 2)
            redis_server.kill()
            for path in redis_server.directory.glob("appendonlydir/*"):
                path.unlink()
            await asyncio.to_thread(redis_server.start)
            return [*await _take(subscription, 1), *await _take(subscription, 1)]

    assert "gap" in [line["type"] for line in asyncio.run(listen())]


def test_without_subscribers_there_is_no_connection_and_with_one_an_idle_stream_costs_no_command(
    redis: Redis, make_feed: Make
) -> None:
    async def listen() -> tuple[int, int, int]:
        async with make_feed().subscribe() as subscription:
            await _take(subscription, 1)
            await asyncio.to_thread(_wait_for_blocked, redis, 1)
            before = _commands(redis)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscription.read(), 1)
            spent = _commands(redis) - before
        await asyncio.to_thread(_wait_for_blocked, redis, 0)
        return spent, before, len(redis.client_list())

    spent, _, connections = asyncio.run(listen())

    assert spent == 1  # our own question
    assert connections == 1  # our own


def test_a_feed_without_redis_says_so(redis_server: RedisServer, make_feed: Make) -> None:
    redis_server.kill()

    async def listen() -> None:
        async with make_feed().subscribe():
            pass

    with pytest.raises(QueueError, match="Redis does not answer"):
        asyncio.run(listen())


def test_listeners_are_let_go_where_events_cannot_be_read_and_may_come_again(
    redis: Redis, make_feed: Make
) -> None:
    async def listen() -> list[dict[str, Any]]:
        feed = make_feed()
        async with feed.subscribe() as subscription:
            await _take(subscription, 1)
            redis.xadd(keys.EVENTS, {"kind": "job", "job": "not a number"})
            assert await asyncio.wait_for(subscription.read(), 5) == b""
        async with feed.subscribe() as subscription:
            _tell(redis, 1)
            return await _take(subscription, 2)

    assert asyncio.run(listen())[1]["job"]["number"] == 1


@pytest.mark.parametrize("after", ["x", "-", "1-x", "1-2-3", "9" * 30, "\u0661"])
def test_an_id_that_is_none_is_refused(redis: Redis, make_feed: Make, after: str) -> None:
    async def listen() -> None:
        async with make_feed().subscribe(after):
            pass

    with pytest.raises(UsageError):
        asyncio.run(listen())


def _tell(redis: Redis, job: int) -> str:
    return str(redis.xadd(keys.EVENTS, {"kind": "job", "run": 1, "job": job, "state": "running"}))


@contextlib.asynccontextmanager
async def _flow(redis: Redis, numbers: Sequence[int]) -> AsyncIterator[None]:
    def tell_all() -> None:
        for number in numbers:
            _tell(redis, number)

    telling = asyncio.create_task(asyncio.to_thread(tell_all))
    yield
    await telling


async def _take(subscription: Subscription, count: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    while len(lines) < count:
        data = await asyncio.wait_for(subscription.read(), 5)
        assert data, "the subscription was closed"
        lines += [json.loads(line) for line in data.splitlines()]
    return lines


def _jobs(numbers: Sequence[int]) -> list[Job]:
    return [make_job(number) for number in numbers]


def _commands(redis: Redis) -> int:
    info: Any = redis.info("stats")
    return int(info["total_commands_processed"])


def _wait_for_blocked(redis: Redis, count: int) -> None:
    info: Any = redis.info("clients")
    while int(info["blocked_clients"]) != count:
        info = redis.info("clients")
