"""What is sent through Celery, and how rarely an idle worker asks Redis for anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu.asynchronous import Hub

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import QueueError
from aios_app.domain.models import Job
from aios_app.ledger.connection import connect
from aios_app.queue.app import make_app, queue_name
from aios_app.queue.sending import TaskQueue, worktree_task_id
from aios_app.services.context import Context
from aios_app.settings import Settings
from aios_app.stack.address import redis_py_url, redis_url
from tests.integration.service_fixtures import started

MakeProject = Callable[[str], Path]


@pytest.fixture
def jobs(context: Context, make_project: MakeProject) -> list[Job]:
    """Two jobs that nothing was sent of."""
    context.catalog.put_agent(DEMO_AGENT)
    return started(context, "d:2", "secret words", cwd=make_project("shop"))


def messages(ctx: Context) -> list[dict[str, Any]]:
    """What lies in the queue of the machine, oldest first."""
    redis = connect(redis_py_url(ctx.settings))
    found = [json.loads(text) for text in redis.lrange(queue_name(ctx.machine), 0, -1)]
    redis.close()
    return found[::-1]


def kwargs_of(message: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the message's task."""
    _, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    return dict(kwargs)


def test_each_job_is_a_chain_whose_tasks_carry_ids_alone(context: Context, jobs: list[Job]) -> None:
    context.queue.send_attempts(jobs)

    sent = messages(context)

    assert [message["headers"]["task"] for message in sent] == ["worktree_create"] * 2
    assert [kwargs_of(message) for message in sent] == [{"v": 1, "attempt": job.attempt} for job in jobs]
    assert [message["headers"]["id"] for message in sent] == [worktree_task_id(job.attempt) for job in jobs]
    _, _, embed = json.loads(base64.b64decode(sent[0]["body"]))
    [following] = embed["chain"]
    assert (following["task"], following["options"]["task_id"]) == ("agent_spawn", jobs[0].attempt)
    assert following["options"]["queue"] == queue_name(context.machine)
    assert "secret words" not in json.dumps(sent)


def test_a_connection_that_the_worker_gives_up_meanwhile_is_trouble_with_redis(settings: Settings) -> None:
    app = make_app(redis_url(settings))

    def send_task(*_: object, **__: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'client'")  # kombu's own words for it

    vars(app)["send_task"] = send_task
    with pytest.raises(QueueError, match="does not take tasks"):
        TaskQueue(app).send_wake("m")


def test_what_waits_in_the_queue_is_known_by_attempt(context: Context, jobs: list[Job]) -> None:
    assert context.queue.pending_attempts(context.machine) == set()

    context.queue.send_attempts(jobs[:1])
    context.queue.send_end(jobs[1], "stop")

    assert context.queue.pending_attempts(context.machine) == {job.attempt for job in jobs}
    assert kwargs_of(messages(context)[1]) == {
        "v": 1,
        "attempt": jobs[1].attempt,
        "reason": "stop",
        "all_processes": False,
    }


def test_without_redis_sending_says_so(settings: Settings, context: Context, jobs: list[Job]) -> None:
    queue = TaskQueue(make_app("redis+socket:///nowhere/redis.sock?virtual_host=0"))

    with pytest.raises(QueueError, match="Redis does not take tasks"):
        queue.send_attempts(jobs)


def test_an_idle_worker_asks_redis_next_to_nothing(settings: Settings, context: Context) -> None:
    periods: dict[str, float] = {}

    class NotingHub(Hub):
        """Notes what the transport would do now and then."""

        def call_repeatedly(self, seconds: float, call: Callable[[], None]) -> None:
            periods[call.__name__] = seconds

    app = make_app(redis_url(settings), machine=context.machine)
    hub = NotingHub()
    with app.connection_for_read() as connection:
        connection.connect()
        connection.transport.register_with_event_loop(connection.connection, hub)
    hub.close()

    # This one looks at the queues that expire, and there is none.
    assert periods.pop("maybe_refresh_binding_expiry") == 1
    assert app.conf.control_queue_expires is None
    periods.pop("maybe_reauth")  # nothing without a provider of credentials
    assert min(periods.values()) >= 3600
    assert app.conf.broker_transport_options["polling_interval"] >= 60
