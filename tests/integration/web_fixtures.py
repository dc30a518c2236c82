"""A browser for tests, that can also do what no browser would, and jobs whose terminals it looks at."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aios_app.domain.models import Job
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import load
from tests.conftest import environment_in, new_project
from tests.integration.api_fixtures import Api, serving
from tests.integration.service_fixtures import running
from tests.private_redis import RedisServer

WAIT_S = 8.0
PROMPT = "ready: "
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Response:
    """An answer of the door."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """One browser with its cookies. Headers that are given replace its own; ``None`` leaves one out."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        self._tls = tls
        assert parts.hostname is not None
        assert parts.port is not None
        self.url, self.host, self.address = url, parts.netloc, (parts.hostname, parts.port)
        self.cookies: dict[str, str] = {}

    def get(self, path: str, headers: Mapping[str, str | None] = {}) -> Response:
        return self.send("GET", path, None, headers)

    def post(self, path: str, body: object, headers: Mapping[str, str | None] = {}) -> Response:
        """As a script of a page of ours sends it."""
        own = {"Origin": self.url, "Content-Type": "application/json", "X-AIOS": "1"}
        return self.send("POST", path, json.dumps(body).encode(), {**own, **headers})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str | None]) -> Response:
        """The request as it is given; the cookies of the answer are kept."""
        connection = self._connection()
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in self._headers(headers).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = Response(connection.getresponse())
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return response

    def log_in(self, api: Api, path: str = "/") -> Response:
        """By a ticket, as ``aios attach --web`` does."""
        ticket = urlsplit(api("POST /web/ticket", {"path": path})["url"])
        return self.get(f"{ticket.path}?{ticket.query}")

    @contextmanager
    def socket(self, path: str, headers: Mapping[str, str | None] = {}) -> Iterator[WebSocket]:
        """An open WebSocket; fails where it is refused."""
        opened = self.connect(path, headers)
        assert opened.status == 101, opened.status
        with opened:
            yield opened

    def connect(self, path: str, headers: Mapping[str, str | None] = {}) -> WebSocket:
        """Asks for a WebSocket; ``status`` says what came of it."""
        return WebSocket(self.address, path, self._headers({"Origin": self.url, **headers}), self._tls)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(*self.address, timeout=WAIT_S)
        return http.client.HTTPSConnection(*self.address, timeout=WAIT_S, context=self._tls)

    def _headers(self, headers: Mapping[str, str | None]) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        usual = {"Host": self.host, "Cookie": cookies or None}
        return {name: value for name, value in {**usual, **headers}.items() if value is not None}


class Closed(Exception):
    """The server has closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class WebSocket:
    """The browser's side of a WebSocket, frame by frame."""

    def __init__(
        self,
        address: tuple[str, int],
        path: str,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        tcp = socket.create_connection(address, WAIT_S)
        self.tcp = tls.wrap_socket(tcp, server_hostname=address[0]) if tls else tcp
        self._file = self.tcp.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        lines = {**headers, **upgrade, "Sec-WebSocket-Key": key}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.seen = b""  #: all that the terminal has shown
        try:
            self.tcp.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
            self.status = self._read_head()
        except BaseException:
            self.close()
            raise

    def _read_head(self) -> int:
        first = self._file.readline()
        if not first:
            raise ConnectionResetError("nothing was answered")
        while self._file.readline().strip():
            pass
        return int(first.split()[1])

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.tcp.close()

    def send(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | min(size, 126 if size < 65536 else 127))
        head += b"" if size < 126 else struct.pack("!H", size) if size < 65536 else struct.pack("!Q", size)
        self.tcp.sendall(head + b"\0\0\0\0" + data)  # a mask of zeros changes nothing

    def type(self, text: str) -> None:
        self.send(BINARY, text.encode())

    def ask(self, **message: object) -> None:
        self.send(TEXT, json.dumps(message).encode())

    def receive(self) -> tuple[int, bytes]:
        """The next message; raises ``Closed`` where there is none."""
        while True:
            opcode, data = self._frame()
            if opcode == CLOSE:
                raise Closed(int.from_bytes(data[:2], "big") if data else 1005, data[2:].decode())
            if opcode == PING:
                self.send(PONG, data)
            elif opcode in {TEXT, BINARY}:
                return opcode, data

    def message(self) -> Any:
        """The next text message, of one line."""
        [line] = self.lines()
        return line

    def lines(self) -> list[Any]:
        """The lines of the next text message."""
        while True:
            opcode, data = self.receive()
            if opcode == TEXT:
                return [json.loads(line) for line in data.splitlines()]
            self.seen += data

    @property
    def refused_with(self) -> int:
        """The status of a socket that was not to be opened."""
        self.close()
        return self.status

    def until(self, text: str | bytes) -> bytes:
        """Shows output, and acknowledges it, until it holds ``text``."""
        wanted = text.encode() if isinstance(text, str) else text
        while wanted not in self.seen:
            opcode, data = self.receive()
            if opcode == BINARY:
                self.seen += data
                self.ask(ack=len(data))
        return self.seen

    def frame_of(self, wanted: int) -> bytes:
        """What the next frame of this kind holds; nothing is answered."""
        while True:
            opcode, data = self._frame()
            if opcode == wanted:
                return data

    def until_closed(self) -> Closed:
        """How the server closes the socket, whatever it sends before."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed

    def _frame(self) -> tuple[int, bytes]:
        try:
            head = self._exactly(2)
            size = head[1] & 127
            if size > 125:
                size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
            return head[0] & 15, self._exactly(size)
        except ConnectionError as error:
            raise Closed(1006, str(error)) from error

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise ConnectionResetError("the connection is gone")
        return data


class Site:
    """The service with its door, and jobs whose terminals are plain programs."""

    def __init__(self, context: Context, api: Api, project: Path, redis: RedisServer) -> None:
        self.context = context
        self.api = api
        self.redis = redis
        self.url: str = api("GET /status")["web"]["url"]
        self.project = project
        context.catalog.add_project(project)

    def browser(self, *, is_logged_in: bool = True) -> Browser:
        browser = Browser(self.url)
        if is_logged_in:
            assert browser.log_in(self.api).status == 200
        return browser

    def job(self, *argv: str) -> Job:
        """A job with a session that runs ``argv``."""
        [job] = running(self.context, "h:1", cwd=self.project)
        marks = {"job": str(job.number), "attempt": job.attempt}
        self.context.tmux.new_session(job.name, cwd=self.project, argv=argv, environment={}, marks=marks)
        return job

    def shell(self) -> Job:
        """A job with a shell that shows ``PROMPT``."""
        return self.job("env", f"PS1={PROMPT}", "sh")

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-N", "-S", str(self.context.settings.tmux_socket), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True)
        return done.stdout.rstrip("\n")

    def clients(self, job: Job) -> list[str]:
        """Sizes of the tmux clients that show the job."""
        sizes = self.tmux("list-clients", "-t", f"={job.name}", "-F", "#{client_width}x#{client_height}")
        return sizes.split()


def eventually(check: Callable[[], bool], what: str) -> None:
    """Asks until it is so; for what tells nobody."""
    deadline = time.monotonic() + WAIT_S
    while not check():
        if time.monotonic() > deadline:
            pytest.fail(f"never: {what}")
        time.sleep(0.02)


@contextmanager
def open_site(directory: Path, chosen: Mapping[str, str] = {}) -> Iterator[Site]:
    """An instance in this empty directory: the service, open to browsers, with a tmux server of its own."""
    environment = environment_in(directory)
    settings = load(environment)
    for made in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
        made.mkdir(mode=0o700)
    redis = RedisServer(settings)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in ("HOME", "SHELL"):
            patch.setenv(name, environment[name])
        redis.start()
        stack.callback(redis.kill)
        context = stack.enter_context(contextlib.closing(build_context(settings)))
        ensure_ledger(context)
        for key, value in chosen.items():
            context.catalog.set(key, value)
        kill = ["tmux", "-N", "-S", str(settings.tmux_socket), "kill-server"]
        stack.callback(subprocess.run, kill, capture_output=True, timeout=WAIT_S, check=False)
        api = stack.enter_context(serving(context))
        yield Site(context, api, new_project(directory, environment, "shop"), redis)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One for all tests of a file."""
    directory = Path(tempfile.mkdtemp(prefix="aios-t-", dir="/tmp"))
    try:
        with open_site(directory) as opened:
            yield opened
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=aios", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *words, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=8)
    return cert, key
