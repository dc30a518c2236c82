"""HTTP over a Unix socket: the API, and the supervisor's XML-RPC. Every call has a time limit."""

from __future__ import annotations

import http.client
import json
import socket
import xmlrpc.client
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    """One connection to the server behind a socket file."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


class UnixTransport(xmlrpc.client.Transport):
    """Carries XML-RPC calls to the server behind a socket file."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_s = timeout_s

    def make_connection(self, host: object) -> UnixConnection:  # noqa: ARG002 - the socket is the host
        connection = UnixConnection(self._path, self._timeout_s)
        self._connection = ("localhost", connection)  # what close() of the base class closes
        return connection


def is_listening(path: Path, *, timeout_s: float = 1.0) -> bool:
    """Whether a connection is accepted; nothing is sent."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True


def get_json(path: Path, target: str, *, timeout_s: float = 2.0) -> object:
    """The decoded answer of a GET; None when there is none, or it is no JSON of a success."""
    connection = UnixConnection(path, timeout_s)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return json.loads(answer.read()) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
