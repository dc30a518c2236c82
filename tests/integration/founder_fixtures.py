"""A founder's Redis with its relay, as ``aios up --listen`` sets them up, and machines that it lets in."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from aios_app.services.admit_machine import admit_machine
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack import cluster
from aios_app.stack.address import redis_py_url
from aios_app.stack.redis_server import find_engine, write_config
from tests.conftest import CHECKOUT, environment_in


@dataclass
class Founder:
    """The instance that is open to others, and the programs of it that the tests end and start."""

    settings: Settings
    environment: dict[str, str]
    context: Context
    server: subprocess.Popen[bytes] | None = None
    relay: subprocess.Popen[str] | None = None

    def start_server(self) -> None:
        """Returns when it answers."""
        config = write_config(self.settings, find_engine())
        self.server = subprocess.Popen([find_engine().path, config], stdout=subprocess.PIPE)
        assert self.server.stdout is not None
        for line in self.server.stdout:
            if b"Ready to accept connections" in line:
                return
        pytest.fail("the founder's Redis did not start")

    def start_relay(self) -> None:
        """Returns when it listens."""
        argv = [sys.executable, "-P", "-m", "aios_app.stack.relay"]
        self.relay = subprocess.Popen(
            argv, env=self.environment | {"PYTHONPATH": str(CHECKOUT)}, stderr=subprocess.PIPE, text=True
        )
        assert self.relay.stderr is not None
        line = self.relay.stderr.readline()
        assert "open to other machines" in line, line

    def kill_server(self) -> None:
        """As a crash; its data stays."""
        assert self.server is not None
        self.server.kill()
        self.server.communicate()

    def let_in(self, name: str = "pi", *, machine: str = "", secret: str = "") -> dict[str, Any]:
        """What a joining machine is answered."""
        return admit_machine(
            self.context,
            secret=secret or self.secret(),
            id=machine or str(uuid.uuid4()),
            name=name,
            version="0.1.0",
            ledger=1,
            run=0,
            job=0,
        )

    def secret(self, for_ms: int = 60_000) -> str:
        """One that was not used yet."""
        secret = str(uuid.uuid4())
        self.context.ledger.registry.members.issue(secret, for_ms)
        return secret

    def member(self, root: Path, name: str = "pi") -> Settings:
        """The settings of another data directory that has joined."""
        root.mkdir()
        environment = environment_in(root)
        settings = load(environment)
        for directory in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        with contextlib.closing(build_context(settings)) as context:
            answer = self.let_in(name, machine=context.machine)
        cluster.write_authority(settings, answer["authority"])
        cluster.write_cluster(settings, {"redis_url": answer["redis_url"], "cluster": answer["id"]})
        return load(environment)


def client(settings: Settings) -> Any:
    """A bare connection of that machine."""
    return redis.Redis.from_url(redis_py_url(settings), decode_responses=True)


@contextmanager
def founding(root: Path) -> Iterator[Founder]:
    """A founder with its ledger open."""
    environment = environment_in(root)
    settings = load(environment)
    for directory in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
        directory.mkdir(mode=0o700, exist_ok=True)
    cluster.listen_at(settings, f"127.0.0.1:{free_port()}")
    settings = load(environment)
    founder = Founder(settings, environment, build_context(settings))
    try:
        founder.start_server()
        founder.start_relay()
        ensure_ledger(founder.context, owns=True)
        yield founder
    finally:
        founder.context.close()
        for process in (founder.relay, founder.server):
            if process is not None:
                process.kill()
                process.communicate()


@contextmanager
def joined(settings: Settings) -> Iterator[Context]:
    """The member at work."""
    with contextlib.closing(build_context(settings)) as context:
        ensure_ledger(context, owns=True)
        yield context


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
