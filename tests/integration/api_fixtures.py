"""The service for tests: the application in a thread, on the instance's own socket, and a client of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aios_app.services.context import Context
from tests.integration.documented import check_answer
from web.server import answer_until, bind


class Answer(dict[str, Any]):
    """An answer's fields, with its HTTP status."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(json.loads(body))
        self.status = status


class Api:
    """Speaks the API over a Unix socket; one connection per request, as the command line does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, line: str, body: object = None, **query: str) -> Answer:
        """``api("PUT /config/max_agents", {"value": "4"})``."""
        method, path = line.split(" ")
        words = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, f"/api/v1{path}?{words}", data)

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        """The raw request. Every answer must be as the OpenAPI document says."""
        with closing(self._connection()) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
        check_answer(method, path, answer.status, answer)
        return answer

    @contextmanager
    def events(self, after: str = "") -> Iterator[Iterator[Any]]:
        """The stream's lines, as they come."""
        with closing(self._connection()) as connection:
            connection.request("GET", f"/api/v1/events?after={after}")
            response = connection.getresponse()
            yield (json.loads(line) for line in response)

    def _connection(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(8)
        connection.sock.connect(os.fspath(self.path))
        return connection


@contextmanager
def serving(context: Context) -> Iterator[Api]:
    """The service over this context, until the block ends."""
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()
    listener = bind(context.settings.api_socket)

    async def answer() -> None:
        loop.set_default_executor(ThreadPoolExecutor(8))
        await answer_until(stopping, context, listener)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(answer())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Api(context.settings.api_socket)
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
