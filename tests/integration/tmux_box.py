"""A tmux server, a spool and a home directory that no other test and no person shares."""

from __future__ import annotations

import os
import queue
import select
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.spool.files import Signal
from aios_app.spool.launch import prepare_attempt, session_environment
from aios_app.spool.watcher import SpoolWatcher
from aios_app.tmux.server import DEFAULT_CONFIG, TmuxServer

WAIT_S = 8.0


class Box:
    def __init__(self, root: Path, sockets: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.worktree = root / "work tree"
        self.spool = root / "spool"
        self.socket = sockets / "tmux.sock"
        self.user_config = root / "user.conf"
        self.signals: queue.Queue[Signal] = queue.Queue()
        self.seen: list[Signal] = []
        self.watcher = SpoolWatcher(self.spool, self.signals.put)
        self.server = TmuxServer(
            self.socket, config=DEFAULT_CONFIG, spool_dir=self.spool, user_config=self.user_config
        )
        for directory in (self.home, self.worktree):
            directory.mkdir()

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-N", "-S", str(self.socket), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True)
        return done.stdout.rstrip("\n")

    def run(self, name: str, *argv: str, marks: Mapping[str, str] | None = None) -> bool:
        """A plain session, without the wrapper."""
        return self.server.new_session(name, cwd=self.worktree, argv=argv, environment={}, marks=marks or {})

    def launch(self, argv: Sequence[str], *, login_shell: str = "/bin/bash", setup: str = "") -> Path:
        """An agent as the worker starts it, in the session ``agent``; the directory of its attempt."""
        attempt = str(uuid.uuid4())
        attempt_dir = self.root / "jobs" / "7" / attempt
        command = prepare_attempt(
            attempt_dir, argv=argv, worktree=self.worktree, shell=login_shell, setup=setup
        )
        environment = session_environment(
            attempt=attempt,
            job=7,
            spool_dir=self.spool,
            attempt_dir=attempt_dir,
            port=4070,
            tmux_socket=self.socket,
        )
        self.server.new_session(
            "agent",
            cwd=self.worktree,
            argv=command,
            environment=environment,
            marks={"job": "7", "attempt": attempt},
        )
        return attempt_dir

    def next(self, kind: str) -> Signal:
        """The next signal of a kind; the others that come before it are in ``seen``."""
        deadline = time.monotonic() + WAIT_S
        while True:
            signal = self.signals.get(timeout=max(0.01, deadline - time.monotonic()))
            self.seen.append(signal)
            if signal.kind == kind:
                return signal

    def ending(self) -> dict[str, str]:
        """What the wrapper says of the end, without the tmux server that it names."""
        lines = self.next("exit").payload.decode().splitlines()
        said = dict(line.split("=", 1) for line in lines)
        assert said.pop("server").isdigit()
        return said

    def agent_pid(self, file: str = "pid") -> int:
        return int((self.worktree / file).read_text())


def wait_gone(pid: int) -> None:
    """Return when the process has ended, reaped or not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, _, _ = select.select([descriptor], [], [], WAIT_S)
    os.close(descriptor)
    assert ended, f"process {pid} is still there"


@contextmanager
def make_box(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    sockets = Path(tempfile.mkdtemp(prefix="aios-"))
    box = Box(root, sockets)
    for name in [name for name in os.environ if name.startswith(("AIOS_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(box.home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    box.watcher.start()
    try:
        yield box
    finally:
        pid = box.server.pid()
        if pid is not None:
            box.tmux("kill-server")
            wait_gone(pid)
        box.watcher.stop()
        shutil.rmtree(sockets)
