"""The API over the instance's Unix socket.

HTTP is written by hand, as 1.0: no chunks, one answer per connection. ``http.client`` costs 14 ms at import,
more than the whole of this package.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from aios_app.domain.errors import StackError, UsageError, error_of_kind

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from typing import Any, BinaryIO

Json = dict[str, "Any"]

#: Seconds for one answer, where the request gives no other.
_TIMEOUT_S = 120.0


class StackDown(StackError):
    """No service listens on the instance's socket."""

    def __init__(self) -> None:
        super().__init__("the stack is down: aios up")


class Client:
    """Sends one request per call. An error answer is raised as the ``AiosError`` of its kind."""

    def __init__(self, socket_path: Path) -> None:
        self._path = str(socket_path)

    def get(self, path: str, *, timeout_s: float = _TIMEOUT_S) -> Json:
        return self._call("GET", path, None, timeout_s)

    def post(self, path: str, body: Json, *, timeout_s: float = _TIMEOUT_S) -> Json:
        return self._call("POST", path, body, timeout_s)

    def put(self, path: str, body: Json) -> Json:
        return self._call("PUT", path, body)

    def delete(self, path: str) -> Json:
        return self._call("DELETE", path)

    def is_up(self) -> bool:
        """Whether the service accepts connections."""
        try:
            self._connect().close()
        except StackDown:
            return False
        return True

    @contextmanager
    def events(self, deadline: float | None, after: str = "") -> Iterator[Events]:
        """The stream of events after that one, or from now on: what happens after this has entered is in it.

        It ends when the service does. Raises ``TimeoutError`` at ``deadline``, a time of ``time.monotonic``.
        """
        with closing(self._connect()) as connection, connection.makefile("rb") as stream:
            connection.settimeout(_TIMEOUT_S)
            with _named_errors():
                connection.sendall(_request("GET", f"/api/v1/events?after={after}"))
                status, _ = _read_head(stream)
                hello = json.loads(stream.readline())
            if status >= 400:
                _raise(hello)
            yield Events(connection, stream, deadline, str(hello.get("id", "")))

    def _call(self, method: str, path: str, body: Json | None = None, timeout_s: float = _TIMEOUT_S) -> Json:
        with closing(self._connect()) as connection:
            connection.settimeout(timeout_s)
            with _named_errors(), connection.makefile("rb") as stream:
                connection.sendall(_request(method, "/api/v1" + path, body))
                status, length = _read_head(stream)
                answer = _parsed(stream.read(), length)
        return answer if status < 400 else _raise(answer)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            if isinstance(error, FileNotFoundError | ConnectionRefusedError):
                raise StackDown from error
            raise StackError(f"{self._path}: {error.strerror}") from error
        return connection


class Events:
    """The stream's events, read by one thread; another one may ``end`` it."""

    def __init__(
        self, connection: socket.socket, stream: BinaryIO, deadline: float | None, begins_after: str
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._deadline = deadline
        #: The id of the event behind which the stream begins.
        self.begins_after = begins_after

    def __iter__(self) -> Iterator[Json]:
        while True:
            self._connection.settimeout(seconds_left(self._deadline))
            line = self._stream.readline()
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)

    def end(self) -> None:
        """Lets the reading end, as if the service had."""
        with suppress(OSError):  # it has ended
            self._connection.shutdown(socket.SHUT_RDWR)


def caller_directory() -> str:
    """The directory that the person is in, as the API takes it."""
    try:
        return os.fsencode(Path.cwd()).decode("utf-8", "surrogateescape")
    except FileNotFoundError as error:
        raise UsageError("this directory is gone: cd to one that exists") from error


def quoted(word: str) -> str:
    """The word as one segment of a path of the API."""
    from urllib.parse import quote

    return quote(word, safe="", errors="surrogateescape")


def seconds_left(deadline: float | None) -> float | None:
    """Seconds until ``deadline``, None for ever; raises ``TimeoutError`` when it has come."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, IndexError) as error:
        raise StackError(f"the service did not answer ({error}): aios status") from error


def _request(method: str, path: str, body: Json | None = None) -> bytes:
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.0\r\nHost: localhost\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    return head.encode("ascii") + b"\r\n" + payload


def _read_head(stream: BinaryIO) -> tuple[int, int | None]:
    status, length = int(stream.readline().split(None, 2)[1]), None
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, length


def _parsed(payload: bytes, length: int | None) -> Json:
    if length is not None and len(payload) != length:
        raise ValueError("its answer was cut off")
    answer: Json = json.loads(payload)
    return answer


def _raise(answer: Json) -> Json:
    error = answer.get("error", {})
    kind, message = str(error.get("kind")), str(error.get("message"))
    raise error_of_kind(kind, message)
