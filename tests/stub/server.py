"""The HTTP side of the stand-in: ``python -m tests.stub.server FOLDER`` serves until it is ended.

It writes its port to ``FOLDER/port`` and one JSON line per request to ``FOLDER/requests.jsonl``;
``GET /release/KEY`` lets held answers go.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.stub import anthropic, google, openai
from tests.stub.script import RATE_LIMIT, Answer, Request, answer, digest

_LONGEST_HOLD_S = 120


class Server(ThreadingHTTPServer):
    """Remembers what was asked, and what is held."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.held: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._log = folder / "requests.jsonl"
        self._writing = threading.Lock()
        (folder / "port").write_text(f"{self.server_address[1]}\n")

    def note(self, **facts: Any) -> None:
        """Writes one line of the log."""
        with self._writing, self._log.open("a") as file:
            file.write(json.dumps(facts) + "\n")


class Handler(BaseHTTPRequestHandler):
    """Three APIs by their paths; everything else is answered with an empty object."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        if self.path.startswith("/release/"):
            self.server.held[self.path.removeprefix("/release/")].set()
        self._send_json({"data": [], "models": []})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.partition("?")[0]
        if path.endswith("/responses"):
            self._answer(openai, body)
        elif path.endswith("/messages"):
            self._answer(anthropic, body)
        elif path.endswith(":streamGenerateContent"):
            self._answer(google, body | {"stream": True})
        elif path.endswith(":generateContent"):
            self._answer(google, body)
        else:
            self._send_json({"input_tokens": 1, "totalTokens": 1})

    def _answer(self, api: Any, body: dict[str, Any]) -> None:
        request = api.read(body)
        chosen = answer(request)
        self._note(request, chosen)
        time.sleep(chosen.think_s)  # the time that a model would take
        if chosen.hold:
            self.server.held[chosen.hold].wait(_LONGEST_HOLD_S)
        if chosen.kind == "error":
            self._send_json(api.error(chosen.status), chosen.status)
        elif body.get("stream"):
            self._send_events(api.events(chosen, body, request.tools))
        else:
            self._send_json(api.whole(chosen, body, request.tools))

    def _note(self, request: Request, chosen: Answer) -> None:
        if chosen.prompt:
            self.server.note(
                api=request.api,
                kind=chosen.kind,
                sha256=digest(chosen.prompt),
                prompt=chosen.prompt,
                turns=sum(entry.is_prompt for entry in request.said),
            )

    def _body(self) -> dict[str, Any]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def _send_json(self, data: Any, status: int = 200) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == RATE_LIMIT:
            self.send_header("x-should-retry", "false")  # else Claude tries again for minutes
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _send_events(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for name, data in events:
            head = f"event: {name}\n" if name else ""
            self.wfile.write(f"{head}data: {json.dumps(data)}\n\n".encode())


if __name__ == "__main__":
    Server(Path(sys.argv[1])).serve_forever()
