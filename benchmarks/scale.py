"""What one ledger bears: 100 machines, 10,000 jobs of several runs, 1000 agents at once.

Run it from the checkout: ``.venv/bin/python benchmarks/scale.py``. It makes an instance of its own in a
temporary folder: the embedded Redis, the web service, and in some processes the workers of all machines. They
take real messages of Celery off the machines' queues and move the jobs by the real services; agents, git and
tmux are left out. It prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import redis
from scale_fleet import CHECKOUT, Place, permitting, plan, working

from aios_app.ledger.ledger import Ledger
from aios_app.services.claim import dispatch
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from tests.private_redis import RedisServer

BEAT_S = 30.0
PACED_S = 20.0
DEADLINE_S = 60.0
LONGEST_S = 1800.0
COMMANDS = ("jobs", "jobs --all", "jobs -r", "jobs r3", "status")

Row = tuple[str, str]


@contextmanager
def instance(place: Place) -> Iterator[Context]:
    """Redis and the web service, with the machines in the ledger."""
    settings = place.settings
    for directory in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
        directory.mkdir(mode=0o700, exist_ok=True)
    server = RedisServer(settings)
    server.start()
    ctx = build_context(settings)
    ensure_ledger(ctx)
    ctx.ledger.set_machine(ctx.machine, name="founder", max_agents=1)
    ctx.ledger.registry.write(ctx.machine, state="drained")
    place.register(ctx.ledger)
    service = subprocess.Popen(
        [sys.executable, "-m", "web"], env=place.environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL
    )
    try:
        with beating(place, ctx.ledger):
            _await(settings.api_socket.exists)
            yield ctx
    finally:
        service.terminate()
        service.wait()
        ctx.close()
        server.kill()


@contextmanager
def beating(place: Place, ledger: Ledger) -> Iterator[None]:
    """All machines say that they are there until the block ends."""
    is_over = threading.Event()

    def beat() -> None:
        place.beat(ledger)
        while not is_over.wait(BEAT_S):
            place.beat(ledger)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Listener(threading.Thread):
    """Reads ``GET /events`` of the web service and takes how old each event is when it comes."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._ages_ms: list[float] = []
        self.gaps = 0

    def run(self) -> None:
        """Until the service ends."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._path))
            line.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for text in line.makefile("rb"):
                if text.startswith(b"{"):
                    self._hear(json.loads(text), time.time() * 1000)

    def forget(self) -> list[float]:
        """The ages since this was asked last."""
        ages_ms, self._ages_ms = self._ages_ms, []
        return ages_ms

    def _hear(self, event: dict[str, Any], now_ms: float) -> None:
        if event["type"] == "gap":
            self.gaps += 1
        elif event["type"] in {"job", "run"}:
            self._ages_ms.append(now_ms - int(event["id"].partition("-")[0]))


class Bench:
    """The measurements, in their order."""

    def __init__(self, ctx: Context, place: Place, jobs: int, rounds: int) -> None:
        self._ctx = ctx
        self._place = place
        self._jobs = jobs
        self._rounds = rounds
        self._at_once = min(jobs, len(place.machines) * place.slots)
        self._listener = Listener(ctx.settings.api_socket)
        self.columns: dict[str, dict[str, str]] = {}  #: what was measured while what goes on

    def begin(self) -> Iterator[Row]:
        """Plans all runs, and lets as many agents work as may."""
        empty = self._memory()
        yield "plan of all runs", f"{_timed(lambda: plan(self._ctx, self._place, self._jobs)):.1f} s"
        each = (self._memory() - empty) / self._jobs / 1024
        yield "Redis memory, all planned", f"{self._memory() / 2**20:.0f} MiB, {each:.1f} KiB a job"
        begun, spent = time.perf_counter(), _redis_s(self._ctx)
        dispatch(self._ctx)
        took, spent = time.perf_counter() - begun, _redis_s(self._ctx) - spent
        yield f"`dispatch` of {self._at_once} jobs", f"{took:.1f} s, of Redis {spent:.2f} s"
        _await(lambda: self._ctx.ledger.counts().get("running", 0) == self._at_once)
        yield f"until {self._at_once} run", f"{time.perf_counter() - begun:.1f} s"
        spent = _redis_s(self._ctx)
        took = statistics.median(_timed(lambda: dispatch(self._ctx)) for _ in range(self._rounds))
        spent = (_redis_s(self._ctx) - spent) / self._rounds
        yield "`dispatch` to all, nothing may begin", f"{took * 1000:.0f} ms, of Redis {spent * 1000:.0f} ms"

    def flow(self, release: Callable[[], None], rate: float) -> Iterator[Row]:
        """Nothing ends, then so many each second, then all that can."""
        self._listener.start()
        self._column("nothing happens")
        with permitting(release, rate):
            time.sleep(PACED_S / 2)
            self._column(f"{rate:.0f} jobs a second end")
            time.sleep(PACED_S / 2)
            self._note_events()
        begun, spent, before = time.perf_counter(), _redis_s(self._ctx), self._ended()
        for _ in range(self._jobs):
            release()
        time.sleep(PACED_S / 2)
        self._column("all that can")
        _await(lambda: self._ended() >= self._jobs, limit_s=LONGEST_S)
        self._note_events()
        took, spent = time.perf_counter() - begun, _redis_s(self._ctx) - spent
        ended = self._jobs - before
        yield "jobs that end and begin, all that can", f"{ended / took:.0f} a second"
        yield "of Redis", f"{spent / ended * 1000:.2f} ms a job, {spent / took:.0%} of a core"
        yield "Redis memory, all ended", f"{self._memory() / 2**20:.0f} MiB"

    def _column(self, name: str) -> None:
        self._listener.forget()
        column = self.columns[name] = {}
        for words in COMMANDS:
            took = statistics.median(_timed(lambda w=words: self._aios(w)) for _ in range(self._rounds))  # type: ignore[misc]
            column[f"`aios {words}`"] = f"{took * 1000:.0f} ms"

    def _note_events(self) -> None:
        """Of what was heard since the newest column."""
        column, ages_ms = list(self.columns.values())[-1], self._listener.forget()
        cuts = statistics.quantiles(ages_ms, n=100)
        column["event to a reader of `/events`"] = f"p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms"
        column["events"] = f"{len(ages_ms)}, {self._listener.gaps} gaps"

    def _ended(self) -> int:
        counts = self._ctx.ledger.counts()
        return counts.get("review", 0) + counts.get("failed", 0)

    def _aios(self, words: str) -> None:
        argv = [str(CHECKOUT / "aios"), *words.split()]
        subprocess.run(
            argv,
            env=self._place.environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=DEADLINE_S,
        )

    def _memory(self) -> int:
        with redis.Redis.from_url(self._ctx.ledger.url) as client:
            found: Any = client.info("memory")
        return int(found["used_memory"])


def _redis_s(ctx: Context) -> float:
    """Processor time that the server has taken."""
    with redis.Redis.from_url(ctx.ledger.url) as client:
        found: Any = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _await(check: Callable[[], bool], limit_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.2)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--slots", type=int, default=10, help="agents at once on each machine")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=4, help="in which the machines' workers are")
    parser.add_argument("--rounds", type=int, default=5, help="of each command")
    parser.add_argument("--rate", type=float, default=20.0, help="jobs that end in a second, paced")
    args = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="aios-b-", dir="/tmp") as folder:
        place = Place(Path(folder), args.machines, args.slots)
        with instance(place) as ctx, working(place, args.processes) as release:
            _await(lambda: len(ctx.ledger.registry.connected()) == len(place.machines))
            bench = Bench(ctx, place, args.jobs, args.rounds)
            print(f"| {args.machines} machines, {args.jobs} jobs | |\n|---|---|")
            for name, value in chain(bench.begin(), bench.flow(release, args.rate)):
                print(f"| {name} | {value} |", flush=True)
            print(f"\n| | {' | '.join(bench.columns)} |\n|---|{'---|' * len(bench.columns)}")
            for name in list(bench.columns.values())[-1]:
                values = [column.get(name, "") for column in bench.columns.values()]
                print(f"| {name} | {' | '.join(values)} |")


if __name__ == "__main__":
    main()
