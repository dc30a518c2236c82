"""What ``terminal.py`` compares: the sessions, and the servers that show them."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psutil
from launch import Place
from terminal_viewers import AIOS, DEADLINE_S, TERMINADO, TTYD, Bare, Speech, Viewer, connect

_FEEDER = """
import os, sys, time
rate, size = float(sys.argv[1]), int(sys.argv[2])
terminals = [os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK) for name in sys.argv[3:]]
count, begun = 0, time.monotonic()
while True:
    line = (b"%08d " % count + b"x" * size)[:size - 2] + b"\\r\\n"
    try:
        os.write(terminals[count % len(terminals)], line)
    except BlockingIOError:
        pass
    count += 1
    early = begun + count / (rate * len(terminals)) - time.monotonic()
    if early > 0.002:
        time.sleep(early)
"""

#: Agents that one command begins.
_AT_ONCE = 90

Connect = Callable[[str, bytes], Awaitable[Viewer]]


@dataclass
class Server:
    """One of those that are compared, and what was measured of it by round."""

    name: str
    connect: Connect
    pid: int = 0  #: with its children; 0: none
    taken: dict[str, list[list[float]]] = field(default_factory=dict)  #: by what was measured, by round
    memory_kib: float = 0.0
    crowd: dict[int, float] = field(default_factory=dict)  #: sessions -> ms

    def add(self, what: str, values: list[float]) -> None:
        self.taken.setdefault(what, []).append(values)

    def middle(self, what: str) -> list[float]:
        return [statistics.median(values) for values in self.taken[what]]

    def memory(self) -> float:
        """KiB, with shared pages in parts."""
        process, total = psutil.Process(self.pid), 0
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += one.memory_full_info().pss
        return total / 1024


@dataclass(frozen=True)
class Fleet:
    """The sessions that are looked at, and their terminals."""

    place: Place
    terminals: dict[str, str]

    @property
    def names(self) -> list[str]:
        return list(self.terminals)

    def tmux(self, *words: str) -> str:
        return self.place.run("tmux", "-S", self.place.folder / "data" / "tmux.sock", *words, check=False)

    def write(self, session: str, text: bytes) -> None:
        """As if the program in the session had written it."""
        Path(self.terminals[session]).write_bytes(text)

    @contextmanager
    def talking(self, names: list[str], lines_s: int, size: int) -> Iterator[None]:
        """These sessions show so many lines a second, each."""
        terminals = [self.terminals[name] for name in names]
        feeder = subprocess.Popen([sys.executable, "-c", _FEEDER, str(lines_s), str(size), *terminals])
        try:
            yield
        finally:
            feeder.kill()
            feeder.wait()

    def grow(self, count: int) -> None:
        """Begins sessions until there are so many."""
        for begun in range(len(self.terminals), count, _AT_ONCE):
            self.place.aios("multi", "p0", f"s:{min(_AT_ONCE, count - begun)}", "sit", "-y")
        deadline = time.monotonic() + 10 * DEADLINE_S
        while len(self.terminals) < count:
            if time.monotonic() > deadline:
                sys.exit(f"only {len(self.terminals)} of {count} sessions have begun")
            time.sleep(0.5)
            lines = self.tmux("list-panes", "-a", "-F", "#{session_name} #{pane_tty}").splitlines()
            self.terminals.update(line.split(" ") for line in lines)

    async def settle(self) -> None:
        """Until nobody looks on any more."""
        deadline = time.monotonic() + DEADLINE_S
        while self.tmux("list-clients") and time.monotonic() < deadline:  # noqa: ASYNC110 - tmux tells nobody
            await asyncio.sleep(0.05)


def make_fleet(place: Place) -> Fleet:
    """A project and an agent for sessions in which keys are echoed and nothing else happens; none yet."""
    agent = place.folder / "still"
    agent.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    agent.chmod(0o755)
    place.aios("add", place.projects(1)[0])
    place.aios("agents", "add", "s", "still", "--finishes", "never", "--weight", "0", "--", agent)
    return Fleet(place, {})


def aios(place: Place) -> Server:
    """The running service, with a login of its own."""
    status = json.loads(place.aios("status", "--json"))["web"]
    url = _ticket(place.folder / "data" / "api.sock")
    connection = http.client.HTTPConnection(url.netloc)
    connection.request("GET", f"{url.path}?{url.query}")
    cookie = (connection.getresponse().getheader("Set-Cookie") or "").partition(";")[0]
    connection.close()
    return Server("AIOS", _speaking(AIOS, url.port or 0, {"Cookie": cookie}), status["pid"])


def _ticket(path: Path) -> SplitResult:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(os.fspath(path))
    connection.request("POST", "/api/v1/web/ticket", json.dumps({"path": "/"}))
    answer = json.load(connection.getresponse())
    connection.close()
    return urlsplit(answer["url"])


def _speaking(speech: Speech, port: int, headers: dict[str, str]) -> Connect:
    return lambda session, wanted: connect(speech, port, headers, session, wanted)


def terminado(place: Place, attach: list[str], ends: ExitStack) -> Server:
    folder = place.folder / "terminado"
    venv.create(folder, with_pip=True)
    place.run(folder / "bin" / "pip", "install", "--quiet", "terminado")
    script = Path(__file__).with_name("terminado_server.py")
    process = _start(
        [folder / "bin" / "python", script, *attach], ends, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    return Server("terminado", _speaking(TERMINADO, port, {}), process.pid)


def ttyd(program: str, attach: list[str], ends: ExitStack) -> Server:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "--interface", "127.0.0.1", "--port", str(port), "--writable", "--url-arg", *attach]
    process = _start(words, ends, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + DEADLINE_S
    while not psutil.Process(process.pid).net_connections():
        if time.monotonic() > deadline:
            sys.exit("ttyd does not listen")
        time.sleep(0.05)
    return Server("ttyd", _speaking(TTYD, port, {}), process.pid)


def _start(words: list[object], ends: ExitStack, **streams: int) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in {"TMUX", "TMUX_PANE"}}
    environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    process = subprocess.Popen([str(word) for word in words], env=environment, **streams)  # type: ignore[call-overload]
    ends.callback(process.communicate)
    ends.callback(process.terminate)
    return process


def bare(attach: list[str]) -> Server:
    async def attached(session: str, wanted: bytes) -> Viewer:
        return Bare([*attach, f"={session}"], wanted)

    return Server("tmux alone", attached)
