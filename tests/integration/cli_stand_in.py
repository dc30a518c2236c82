"""A stand-in for the service: answers the requests of ``docs/api.md`` as a test tells it to."""

from __future__ import annotations

import json
import queue
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from aios_app.domain.models import JobState
from tests.jobs import make_job

Json = dict[str, Any]
Answer = Json | Callable[[Json], Json]

NOW_MS = 1_700_000_000_000


def job(number: int, state: str = "running", **changes: Any) -> Json:
    """A job as the API shows it."""
    made = make_job(number, state=JobState(state), created_ms=NOW_MS, since_ms=NOW_MS)
    return {**json.loads(json.dumps(made.to_json())), **changes}


def run_answer(*jobs: Json, problems: tuple[Json, ...] = ()) -> Json:
    """What starting these jobs answers."""
    stage = {"index": 0, "label": "all", "jobs": list(jobs)}
    run = {"number": 1, "source": "all", "title": "fix it", "is_sequential": False, "stages": [stage]}
    return {"v": 1, "run": run, "problems": list(problems), "base": ""}


def error(kind: str, message: str) -> Json:
    """An error answer of that kind."""
    return {"v": 1, "error": {"kind": kind, "type": "SomeError", "message": message}}


class StandIn:
    """Give it answers by ``"METHOD /path"``; it keeps the requests that it got."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, Json]] = []
        self.events: queue.Queue[Json | None] = queue.Queue()
        self.resumed_after: list[str] = []

    def emit(self, *jobs: Json) -> None:
        """Sends the jobs as events to the newest subscriber, or the next one."""
        for number, one in enumerate(jobs, start=1):
            self.events.put({"v": 1, "type": "job", "id": f"{number}-0", "job": one})

    def subscribe(self) -> queue.Queue[Json | None]:
        """The events for a new subscriber, with those that nobody took; an earlier one gets no more."""
        before, self.events = self.events, queue.Queue()
        while not before.empty():
            self.events.put(before.get())
        before.put(None)
        return self.events

    def body_of(self, request: str) -> Json:
        """The body of the last such request."""
        return [body for name, body in self.requests if name == request][-1]


_STATUS = {"usage": 400, "conflict": 409, "external": 502, "internal": 500}


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        name = f"{self.command} {self.path.removeprefix('/api/v1')}"
        if name.startswith("GET /events?after="):
            self._stream(name.partition("=")[2])
            return
        self.stand_in.requests.append((name, body))
        answer = self.stand_in.answers.get(name, error("internal", f"the test gave no answer to {name}"))
        self._send(answer(body) if callable(answer) else answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Nothing is logged."""

    def _send(self, answer: Json) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(_STATUS[answer["error"]["kind"]] if "error" in answer else 200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, after: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.stand_in.resumed_after.append(after)
        events = self.stand_in.subscribe()
        self.wfile.write(json.dumps({"v": 1, "type": "hello", "id": after or "0-0"}).encode() + b"\n")
        while (event := events.get()) is not None:
            self.wfile.write(json.dumps(event).encode() + b"\n")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no error."""


@contextmanager
def serving(socket_path: Path) -> Iterator[StandIn]:
    """The stand-in, listening on the socket."""
    stand_in = StandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with _Server(str(socket_path), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stand_in
        finally:
            stand_in.events.put(None)
            server.shutdown()
            thread.join()
            socket_path.unlink()
