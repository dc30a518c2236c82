"""``aios attach`` of another machine's job, on real terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

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
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "aios_app.cli", "attach", *words],
        env={name: value for name, value in environment(cluster).items() if name != "TMUX"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
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
        before = terminal.modes
        terminal.read_until(PROMPT)
        raw = terminal.modes
        terminal.type("echo $((6*7))x\n")
        terminal.read_until("42x")
        terminal.resize(101, 33)
        eventually(lambda: cluster.far.clients(job) == ["101x33"], "the new size")
        terminal.type("\x02d")
        seen = terminal.read_until(f"detached from #{job.number}, which goes on")
        assert seen.count("\x1b[?1049l") == 1
        assert terminal.process.wait(WAIT_S) == 0
        assert terminal.modes == before != raw
    eventually(lambda: cluster.far.clients(job) == [], "nobody looks any more")
    assert cluster.far.context.tmux.find(job.name) is not None


@pytest.mark.long
def test_the_end_of_the_session_is_said(cluster: Cluster) -> None:
    job = cluster.far.shell()

    with attached(cluster, str(job.number)) as terminal:
        terminal.read_until(PROMPT)
        terminal.type("exit\n")
        terminal.read_until(f"the session of #{job.number} has ended")
        assert terminal.process.wait(WAIT_S) == 0


@pytest.mark.long
def test_who_only_looks_types_nothing_and_leaves_by_a_key(cluster: Cluster) -> None:
    job = cluster.far.shell()

    with attached(cluster, str(job.number), "--read-only") as terminal:
        terminal.read_until("q leaves")
        terminal.read_until(PROMPT)
        terminal.type("touch evil\n")
        cluster.far.context.tmux.paste(job.name, "echo $((6*7))x")
        seen = terminal.read_until("42x")
        terminal.type("q")
        terminal.read_until("\x1b[?1049l")
        terminal.read_until("detached")
        assert terminal.process.wait(WAIT_S) == 0

    assert "touch evil" not in seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_is_left_as_it_was_by_a_signal_too(cluster: Cluster, number: signal.Signals) -> None:
    job = cluster.far.shell()

    with attached(cluster, str(job.number)) as terminal:
        before = terminal.modes
        terminal.read_until(PROMPT)
        terminal.process.send_signal(number)
        terminal.read_until("\x1b[?1049l")
        assert terminal.process.wait(WAIT_S) == 128 + number
        assert terminal.modes == before


@pytest.mark.long
def test_a_terminal_is_left_as_it_was_when_the_connection_is_gone(cluster: Cluster) -> None:
    job = cluster.far.shell()

    with attached(cluster, str(job.number)) as terminal:
        before = terminal.modes
        terminal.read_until(PROMPT)
        client = cluster.far.tmux("list-clients", "-t", f"={job.name}", "-F", "#{client_pid}")
        os.kill(int(client), signal.SIGKILL)
        terminal.read_until("goes on")
        assert terminal.process.wait(WAIT_S) == 0
        assert terminal.modes == before
