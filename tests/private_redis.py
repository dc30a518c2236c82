"""A Redis server for one test, on a socket in the test's own folder."""

from __future__ import annotations

import subprocess

import pytest

from aios_app.settings import Settings
from aios_app.stack.redis_server import find_engine


class RedisServer:
    """A private server on the instance's socket; its data outlives ``kill`` and ``start``."""

    def __init__(self, settings: Settings) -> None:
        self.socket = settings.redis_socket
        self.directory = settings.redis_dir
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        options = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.directory), "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "always"}
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        self._process = subprocess.Popen(
            [find_engine().path, *words], stdout=subprocess.PIPE, text=True, errors="replace"
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Ready to accept connections" in line:
                return
        pytest.fail("the private Redis did not start")

    def kill(self) -> None:
        """SIGKILL, as a crash; nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
