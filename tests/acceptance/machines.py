"""Several whole stacks on one machine, as if each were a machine: other data directories and addresses."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aios_app.domain.machines import Machine
from aios_app.ledger.ledger import Ledger
from aios_app.services.context import open_catalog
from aios_app.settings import load
from aios_app.stack.address import redis_py_url
from tests.acceptance.stack import DEADLINE_S, Stack
from tests.integration.founder_fixtures import free_port


class Founder(Stack):
    """It has the cluster's Redis, and lets others join at 127.0.0.1."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.port = free_port()

    def open_to_others(self) -> None:
        """As a person does it, once."""
        catalog = open_catalog(self.settings)
        catalog.set("node_port", str(free_port()))
        catalog.close()
        self.ok("up", "--listen", f"127.0.0.1:{self.port}")
        renew(self)

    def token(self) -> str:
        """A fresh one."""
        return self.ok("join-token").strip()


class Member(Stack):
    """It joins, at an address of its own."""

    worker: subprocess.Popen[str] | None = None

    def join(self, token: str, address: str = "127.0.0.2") -> None:
        """In the background."""
        self.ok("worker", "--join", token, "--listen", address, "--detach")
        renew(self)

    def work_in_foreground(self, token: str) -> None:
        """Returns when it has said that it works."""
        self.worker = self.open("worker", "--join", token, "--listen", "127.0.0.2")
        assert self.worker.stderr is not None
        assert "Ctrl-C ends it" in self.worker.stderr.readline()
        renew(self)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ends the worker in the foreground by this signal; its exit status."""
        assert self.worker is not None
        self.worker.send_signal(number)
        self.worker.communicate(timeout=DEADLINE_S)
        return self.worker.returncode

    def close(self) -> None:
        if self.worker is not None:
            self.worker.kill()
            self.worker.communicate()
        super().close()


def renew(stack: Stack) -> None:
    """Its Redis is another one now, or has passwords."""
    stack.ledger.close()
    stack.settings = load(stack.environment)
    stack.ledger = Ledger(redis_py_url(stack.settings))


def known(asked: Stack, machine: Stack) -> Machine:
    """What the ledger knows of that machine."""
    found = asked.ledger.registry.find(machine.machine)
    assert found is not None
    return found


@contextmanager
def machines() -> Iterator[tuple[Founder, Member]]:
    """A founder that is open to others, and a machine that has not joined yet."""
    root = Path(tempfile.mkdtemp(prefix="aios-m-", dir="/tmp"))
    for name in ("f", "m"):
        (root / name).mkdir()
    founder, member = Founder(root / "f"), Member(root / "m")
    try:
        founder.open_to_others()
        yield founder, member
    finally:
        member.close()
        founder.close()
        shutil.rmtree(root, ignore_errors=True)
