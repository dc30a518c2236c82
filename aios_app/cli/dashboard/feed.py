"""The jobs and their events, read in a thread; the stream is found again after a break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aios_app.cli.client import Client, Events, Json, StackDown
from aios_app.cli.dashboard.arrival import await_service
from aios_app.domain.errors import AiosError

#: Seconds in which what comes is gathered: more than a person reads, less than they notice.
GATHER_S = 0.1
#: Seconds after a service that answers, but not as it should.
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_REDIS_AWAY = "Redis does not answer: aios doctor"


@dataclass
class News:
    """What came since it was taken the last time."""

    whole: Json | None = None  #: an answer of ``GET /jobs``, older than ``jobs``
    jobs: dict[int, Json] = field(default_factory=dict)
    problem: str | None = None  #: why nothing comes; empty: it comes again


class Feed:
    """``tell`` is called in the feed's thread when there is news; once, until they are taken."""

    def __init__(self, client: Client, socket: Path, tell: Callable[[], None]) -> None:
        self._client = client
        self._socket = socket
        self._tell = tell
        self._lock = threading.Lock()
        self._news = News()
        self._is_told = False
        self._last = ""
        self._stream: Events | None = None
        self._is_over = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the reading; returns when it has ended, or soon."""
        self._is_over.set()
        self._wake.set()
        if self._stream is not None:
            self._stream.end()
        self._thread.join(timeout=1)

    def retry(self) -> None:
        """Looks at once whether the service is back."""
        self._wake.set()

    def take(self) -> News:
        """The news, which are none any more."""
        with self._lock:
            taken, self._news, self._is_told = self._news, News(), False
            return taken

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._is_over.is_set():
            try:
                self._follow()
                pause_s = _FIRST_PAUSE_S
            except StackDown as error:
                self._put(problem=str(error))
                await_service(self._client, self._socket, self._wake)
            except (AiosError, OSError, ValueError, KeyError, TypeError) as error:
                self._put(problem=str(error))
                self._wake.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            self._wake.clear()

    def _follow(self) -> None:
        """Reads until the service ends; all jobs, where no event was seen yet or some are gone."""
        with self._client.events(None, self._last) as stream:
            self._stream = stream
            try:
                if not self._last:
                    self._read_all()
                self._last = stream.begins_after
                self._put(problem="")
                self._hear_all(stream)
            finally:
                self._stream = None

    def _hear_all(self, events: Iterable[Json]) -> None:
        for event in events:
            if self._is_over.is_set():
                return
            self._hear(event)

    def _hear(self, event: Json) -> None:
        kind = event.get("type")
        if kind == "gap":
            self._read_all()
        elif kind == "job":
            self._put(job=event["job"])
        elif kind == "redis":
            self._put(problem=_REDIS_AWAY if event["is_away"] else "")
        self._last = str(event.get("id") or self._last)

    def _read_all(self) -> None:
        self._put(whole=self._client.get("/jobs"))

    def _put(self, *, whole: Json | None = None, job: Json | None = None, problem: str | None = None) -> None:
        with self._lock:
            if whole is not None:
                self._news = News(whole=whole, problem=self._news.problem)
            if job is not None:
                self._news.jobs[job["number"]] = job
            if problem is not None:
                self._news.problem = problem
            is_told, self._is_told = self._is_told, True
        if not is_told:
            self._tell()
