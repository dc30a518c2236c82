"""Flower, started as its users start it, shows each job while its agent works, and its result."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.address import redis_url
from tests.acceptance.stack import DEADLINE_S, QUICK, Stack

pytestmark = pytest.mark.timeout(60)

ENDLESS = "demo: seconds 0.1\ndemo: ask Shall I?"


@pytest.fixture(scope="module", autouse=True)
def shop(stack: Stack) -> None:
    """A saved project, and an agent that fails."""
    stack.ok("agents", "add", "no", "broken", "--", "sh", "-c", "exit 7")
    stack.project("shop")


class Flower:
    """What Flower's own API says of the tasks."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/tasks"

    def await_states(self, wanted: dict[str, str]) -> dict[str, Any]:
        """Asks until the tasks of these ids are in these states."""
        tasks: dict[str, Any] = {}
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            tasks = self._tasks()
            if {uuid: tasks[uuid]["state"] for uuid in wanted if uuid in tasks} == wanted:
                return tasks
            time.sleep(0.2)  # Flower tells nobody of what it learns
        pytest.fail(f"{wanted} not in {json.dumps(tasks)[:2000]}")

    def await_words(self, uuid: str, words: str) -> None:
        """Asks until the task's result has these words."""
        deadline = time.monotonic() + DEADLINE_S
        while words not in str(self._tasks().get(uuid, {}).get("result")):
            assert time.monotonic() < deadline, self._tasks().get(uuid)
            time.sleep(0.2)  # the same

    def _tasks(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self._url, timeout=5) as answer:  # noqa: S310 - its own address
                tasks: dict[str, Any] = json.loads(answer.read())
                return tasks
        except OSError:
            return {}


@contextmanager
def flower(stack: Stack) -> Iterator[Flower]:
    """A Flower of this stack until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "-b", redis_url(stack.settings), "flower"),
            *("--address=127.0.0.1", f"--port={port}"),
        ],
        cwd=stack.root,
        env=stack.environment | {"FLOWER_UNAUTHENTICATED_API": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Flower(port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.long
def test_a_job_is_not_over_while_its_agent_works_and_has_its_result_afterwards_also_in_a_late_flower(
    stack: Stack,
) -> None:
    [ended] = stack.until_over(stack.start("multi", "shop", "no:1", "x"))
    stack.ok("retry", str(ended.number))
    [again] = stack.until(ended.run, lambda jobs: jobs[0].attempt_no == 2 and bool(jobs[0].cause))
    [early] = stack.until_all(stack.start("multi", "shop", "d:1", ENDLESS), JobState.WAITING)

    with flower(stack) as late:
        late.await_states({ended.attempt: "FAILURE", again.attempt: "FAILURE", early.attempt: "WAITING"})
        good, bad = start_two(stack)
        late.await_states({good.attempt: "WAITING", bad.attempt: "WAITING"})

        stack.type(good, "y")
        stack.ok("stop", str(bad.number))
        tasks = late.await_states({good.attempt: "SUCCESS", bad.attempt: "SUCCESS"})

    assert tasks[good.attempt]["name"] == "agent_spawn"
    assert tasks[good.attempt]["args"] == f"(#{good.number} r{good.run} shop demo)"
    assert "'state': 'review'" in tasks[good.attempt]["result"]
    assert "'state': 'stopped'" in tasks[bad.attempt]["result"]
    assert "exited 7" in tasks[ended.attempt]["exception"]


@pytest.mark.long
def test_what_becomes_of_a_job_after_its_turn_is_told_and_a_restarted_flower_knows_it_too(
    stack: Stack,
) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", "d:1", QUICK))
    [dropped] = stack.until_over(stack.start("multi", "shop", "d:1", QUICK))
    with flower(stack) as first:
        first.await_states({job.attempt: "SUCCESS", dropped.attempt: "SUCCESS"})
        stack.ok("send", str(job.number), "demo: ask Shall I?")
        first.await_states({job.attempt: "WAITING"})
        stack.ok("w+", str(dropped.number), "-y")
        first.await_words(dropped.attempt, "'state': 'dropped'")

    stack.ok("config", "max_agents", "1")
    [queued] = stack.jobs(stack.start("multi", "shop", "d:1", QUICK))
    with flower(stack) as second:
        tasks = second.await_states(
            {job.attempt: "WAITING", dropped.attempt: "SUCCESS", queued.attempt: "PENDING"}
        )
    stack.ok("config", "max_agents", "60")

    assert {attempt: tasks[attempt]["args"] for attempt in (job.attempt, queued.attempt)} == {
        job.attempt: f"(#{job.number} r{job.run} shop demo)",
        queued.attempt: f"(#{queued.number} r{queued.run} shop demo)",
    }
    assert "'state': 'dropped'" in tasks[dropped.attempt]["result"]


def start_two(stack: Stack) -> list[Job]:
    """Two jobs that wait for an answer."""
    return stack.until_all(stack.start("multi", "shop", "d:2", ENDLESS), JobState.WAITING)
