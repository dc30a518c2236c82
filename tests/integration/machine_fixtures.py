"""Several machines on one Redis: contexts with data directories of their own, without workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from aios_app.agents import DEMO_AGENT
from aios_app.domain.machines import client_name
from aios_app.queue.app import queue_name
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack.address import redis_py_url
from tests.conftest import environment_in
from tests.private_redis import RedisServer

Join = Callable[[str], Context]


@pytest.fixture
def join(settings: Settings, redis_server: RedisServer, short_path: Path) -> Iterator[Join]:
    """Makes a machine of this name; the first is the one that the ledger belongs to."""
    made: list[Context] = []
    connections: list[redis.Redis] = []

    def make(name: str) -> Context:
        folder = short_path / name
        folder.mkdir()
        environment = environment_in(folder) | {"AIOS_REDIS_URL": redis_py_url(settings)}
        loaded = load(environment)
        for directory in (loaded.data_dir, loaded.run_dir, loaded.spool_dir, loaded.logs_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        ctx = build_context(loaded)
        made.append(ctx)
        ctx.catalog.set("machine_name", name)
        ctx.catalog.set("max_agents", "4")
        ctx.catalog.put_agent(DEMO_AGENT)
        ensure_ledger(ctx, owns=len(made) == 1)
        connections.append(_connection(ctx))
        is_there(ctx)
        return ctx

    yield make
    for connection in connections:
        connection.close()
    for ctx in made:
        ctx.close()


def _connection(ctx: Context) -> redis.Redis:
    """That of the machine's worker."""
    connection = redis.Redis.from_url(ctx.ledger.url, client_name=client_name(ctx.machine))
    connection.ping()
    return connection


def sent_to(ctx: Context) -> list[str]:
    """The names of the tasks that wait for this machine."""
    messages = ctx.ledger._redis.lrange(queue_name(ctx.machine), 0, -1)
    return [json.loads(message)["headers"]["task"] for message in reversed(messages)]


def is_there(ctx: Context, **agents: str) -> None:
    """Says what a worker says: that it is there, and which agents can be started (else why not)."""
    facts = {"agents": {agent.key: "" for agent in ctx.catalog.agents()} | agents, "load": 0.5, "cores": 4}
    ctx.ledger.registry.write(
        ctx.machine, messages=MESSAGE_VERSION, beat_ms=ctx.ledger.now_ms(), facts=json.dumps(facts)
    )


def has_no_worker(ctx: Context) -> None:
    """Its worker ended just now; its last sign of life is young."""
    for client in ctx.ledger._redis.client_list():
        if client["name"] == client_name(ctx.machine):
            ctx.ledger._redis.client_kill_filter(_id=client["id"])


def is_gone(ctx: Context) -> None:
    """It does not answer any more."""
    has_no_worker(ctx)
    ctx.ledger.registry.write(ctx.machine, beat_ms=1)
