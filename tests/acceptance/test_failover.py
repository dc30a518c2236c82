"""Two machines at a Redis of the person's own, whose replica takes over at the same address."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from aios_app.domain.models import JobState
from aios_app.stack.redis_server import find_engine
from tests.acceptance.machines import renew
from tests.acceptance.stack import QUICK, Stack
from tests.integration.founder_fixtures import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(90)]

PASSWORD = "p" * 20


class Server:
    """A server on a port, which logs in by the password and, if it is told to, follows another one."""

    def __init__(self, folder: Path, follows: int = 0) -> None:
        folder.mkdir()
        self.port = free_port()
        options = {"port": self.port, "dir": folder, "appendonly": "yes", "save": "''"}
        options |= {"requirepass": PASSWORD, "masterauth": PASSWORD, "repl-diskless-sync-delay": 0}
        options |= {"replicaof": f"127.0.0.1 {follows}"} if follows else {}
        (folder / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        argv = [find_engine().path, folder / "redis.conf"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        wanted = "Finished with success" if follows else "Ready to accept connections"
        assert any(wanted in line for line in self._process.stdout)
        self.client: Any = redis.Redis(port=self.port, password=PASSWORD)

    def take_over(self, port: int) -> None:
        """It leads from now on, where the one before was reached."""
        self.client.execute_command("REPLICAOF NO ONE")
        self.client.execute_command("CONFIG", "SET", "port", port)

    def kill(self) -> None:
        """As a crash; nothing where it does not run."""
        self.client.close()
        with self._process:
            self._process.kill()


@pytest.fixture
def root() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="aios-m-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def servers(root: Path) -> Iterator[tuple[Server, Server]]:
    """The one that leads, and its replica."""
    first = Server(root / "first")
    second = Server(root / "second", first.port)
    yield first, second
    for server in (first, second):
        server.kill()


@pytest.fixture
def pair(root: Path, servers: tuple[Server, Server]) -> Iterator[tuple[Stack, Stack]]:
    """Machines with a project each, ``shop`` and ``wiki``."""
    (root / "box").mkdir()
    (root / "pi").mkdir()
    both = Stack(root / "box"), Stack(root / "pi")
    url = f"redis://:{PASSWORD}@127.0.0.1:{servers[0].port}/0"
    for stack, name, place in zip(both, ("shop", "wiki"), ("127.0.0.1", "127.0.0.2"), strict=True):
        refused = stack.run("worker", "--broker", url.replace(PASSWORD, "guessed"), "--detach")
        assert (refused.returncode, len(refused.stderr.splitlines())) == (4, 1)
        assert "does not let this machine in" in refused.stderr
        assert "guessed" not in refused.stderr
        stack.ok("worker", "--broker", url, "--listen", place, "--detach")
        renew(stack)
        stack.project(name)
    yield both
    for stack in both:
        stack.close()


def test_a_replica_that_takes_over_finds_all_machines_again_and_nothing_is_lost_or_begun_twice(
    pair: tuple[Stack, Stack], servers: tuple[Server, Server]
) -> None:
    box, pi = pair
    first, second = servers
    run = pi.start("all", "d:1", "work\ndemo: seconds 3")
    before = box.until_all(run, JobState.RUNNING)
    first.client.set("all before", "is replicated")
    assert first.client.wait(1, 5000) == 1

    first.kill()
    second.take_over(first.port)

    after = box.until_all(run, JobState.REVIEW)
    assert [(job.attempt, job.attempt_no) for job in after] == [(one.attempt, 1) for one in before]
    assert {job.machine for job in after} == {box.machine, pi.machine}
    [later] = box.until_all(pi.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)
    assert (later.run, later.number) == (run + 1, before[-1].number + 1)
    for stack in pair:
        stack.await_event(lambda stack=stack: "unreachable" not in stack.ok("machines"))  # type: ignore[misc]
