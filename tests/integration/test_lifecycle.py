"""The threads of a worker beside its tasks, without its tasks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from aios_app.queue.app import make_app
from aios_app.services.context import Context
from aios_app.spool.files import pending_attempts
from aios_app.stack.address import redis_url
from tests.integration.spool_writing import write_signal
from workers.lifecycle import Lifecycle

WAIT_S = 5.0


@pytest.fixture
def consumer(context: Context) -> Iterator[SimpleNamespace]:
    """What Celery hands over when it has a connection."""
    app = make_app(redis_url(context.settings), machine=context.machine)
    with app.connection_for_read() as connection:
        yield SimpleNamespace(task_consumer=SimpleNamespace(channel=connection.default_channel))
    app.close()


@pytest.fixture
def lifecycle(context: Context) -> Iterator[Lifecycle]:
    made = Lifecycle(context)
    yield made
    beside = [thread for thread in threading.enumerate() if thread.name in {"clock", "recover"}]
    made.stop()
    for thread in beside:
        thread.join(WAIT_S)


def test_a_disk_that_takes_nothing_ends_no_thread_and_is_looked_at_again(
    context: Context, lifecycle: Lifecycle, consumer: SimpleNamespace
) -> None:
    locks = context.settings.locks_dir
    aside = locks.rename(locks.with_name("aside"))
    locks.write_text("in the way")
    lifecycle.connected(consumer)

    locks.unlink()
    aside.rename(locks)
    write_signal(context.settings.spool_dir, "a1", "turn")
    lifecycle.connected(consumer)

    for _ in range(100):
        if not pending_attempts(context.settings.spool_dir):
            break
        threading.Event().wait(WAIT_S / 100)
    assert not pending_attempts(context.settings.spool_dir)
    assert "clock" in {thread.name for thread in threading.enumerate()}


def test_a_read_that_begins_long_after_the_signal_is_ended_too(
    context: Context, lifecycle: Lifecycle, consumer: SimpleNamespace
) -> None:
    unblocking = threading.Thread(target=lifecycle.unblock)
    unblocking.start()
    unblocking.join(2.2)
    began = time.monotonic()

    assert consumer.task_consumer.channel.client.brpop("nothing.comes", timeout=WAIT_S) is None
    assert time.monotonic() - began < WAIT_S / 2

    lifecycle.stop()
    unblocking.join(WAIT_S)
    assert not unblocking.is_alive()
