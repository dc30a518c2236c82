"""What a hundred agents cost while they work: nothing of ours."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

import psutil
import pytest

from aios_app.domain.models import JobState
from aios_app.ledger.connection import connect
from aios_app.queue.app import queue_name
from aios_app.stack.address import redis_py_url
from aios_app.stack.processes import Record
from tests.acceptance.stack import Stack

AGENTS = 99
QUIET_S = 20.0


@pytest.mark.long
@pytest.mark.timeout(90)
def test_a_hundred_parked_agents_cost_no_commands_no_messages_and_no_processor(stack: Stack) -> None:
    stack.ok("config", "max_agents", "200")
    stack.ok("agents", "add", "s", "asleep", "--", "sh", "-c", "exec sleep 1000")
    stack.project("shop")
    run = stack.start("multi", "shop", f"s:{AGENTS}", "x")
    stack.until_all(run, JobState.RUNNING)
    redis = connect(redis_py_url(stack.settings))
    record = Record.read(stack.settings.run_dir, "worker")
    assert record is not None
    worker = psutil.Process(record.process.pid)
    settle(worker)

    commands, seconds = count(redis), used(worker)
    threading.Event().wait(QUIET_S)
    commands, seconds = count(redis) - commands, used(worker) - seconds

    assert commands / QUIET_S < 0.1
    assert seconds / QUIET_S < 0.01
    assert redis.hlen(f"unacked.{stack.machine}") == 0
    assert redis.llen(queue_name(stack.machine)) == 0
    redis.close()
    assert len(stack.sessions(stack.jobs(run))) == AGENTS
    subprocess.run(["tmux", "-S", str(stack.settings.tmux_socket), "kill-server"], check=True)
    assert {job.cause for job in stack.until_over(run)} == {"session lost"}


def count(redis: Any) -> int:
    """The commands that Redis has run, without those that ask for it."""
    stats = redis.info("commandstats")
    return sum(entry["calls"] for name, entry in stats.items() if name != "cmdstat_info")


def used(process: psutil.Process) -> float:
    """The processor time of a process in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def settle(process: psutil.Process) -> None:
    """Waits until the process has done nothing for two seconds."""
    before = -1.0
    for _ in range(20):
        if used(process) == before:
            return
        before = used(process)
        threading.Event().wait(2)
    pytest.fail("the worker does not come to rest")
