"""``aios attach`` of another machine's job, on real terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from tests.acceptance.stack import Terminal
from tests.conftest import CHECKOUT
from tests.integration.cluster_fixtures import Cluster, cluster
from tests.integration.web_fixtures import PROMPT, WAIT_S, eventually

__all__ = ["cluster"]


class OwnTerminal(Terminal):
    """A terminal that can change its size, and can be looked at for what is left of it."""

    def __init__(self, descriptor: int, slave: int, process: subprocess.Popen[bytes]) -> None:
        super().__init__(descriptor, process)
        self._slave = slave

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self._slave)[:4]

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def environment(cluster: Cluster) -> dict[str, str]:
    """Of a person at the near machine."""
    own = cluster.near.context.settings.environment()
    return {**os.environ, **own, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm-256color"}


@contextmanager
def attached(cluster: Cluster, *words: str) -> Iterator[OwnTerminal]:
    """``aios attach`` at the near machine on a terminal of its own."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "aios_app.cli", "attach", *words]
    before = OwnTerminal(ours, theirs, None)  # type: ignore[arg-type] # nothing runs there yet
    before.resize(80, 24)
    process = subprocess.Popen(
        argv,
        env={name: value for name, value in environment(cluster).items() if name != "TMUX"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        yield OwnTerminal(ours, theirs, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_it_echoes_takes_new_sizes_is_left_by_the_prefix_and_the_terminal_is_as_before(
    cluster: Cluster,
) -> None:
    job = cluster.far.shell()

    with attached(cluster, str(job.number)) as terminal:
        terminal.read_until(PROMPT)
        raw = terminal.modes
        terminal.type("echo $((6*7))x\n")
        terminal.read_until("42x")
        terminal.resize(101, 33)
        eventually(lambda: cluster.far.clients(job) == ["101x33"], "the new size")
        terminal.type("\x02d")
        terminal.read_until(f"detached from #{job.number}")
        assert terminal.process.wait(WAIT_S) == 0
        assert terminal.modes != raw
    eventually(lambda: cluster.far.clients(job) == [], "nobody looks any more")
    assert cluster.far.context.tmux.find(job.name) is not None
