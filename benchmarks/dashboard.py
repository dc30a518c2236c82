"""What the dashboard costs, and how soon it answers a key, while much happens.

Run it from the checkout: ``.venv/bin/python benchmarks/dashboard.py``. It makes an instance of its own in a
temporary folder (Redis and the service, no worker), 500 jobs in its ledger, opens the dashboard on a terminal
and lets the ledger tell so many events a second. It prints a Markdown table.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from aios_app.domain.models import JobState, Run, Stage
from aios_app.ledger.ledger import Ledger
from aios_app.services.context import build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from tests.jobs import make_job
from tests.private_redis import RedisServer

CHECKOUT = Path(__file__).resolve().parent.parent
ROWS, COLUMNS = 24, 80
#: How the line of the selected job begins, and no other output.
SELECTED = b"\x1b[7m"
DEADLINE_S = 30.0
_QUIET = {JobState.WAITING: 40, JobState.FAILED: 10, JobState.REVIEW: 150, JobState.RUNNING: 300}


class Terminal:
    """The dashboard on a terminal of its own, read all the time as a person's would be."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        argv = [sys.executable, "-m", "aios_app.cli"]
        self.process = subprocess.Popen(
            argv, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.shown_bytes = 0

    def read_until(self, text: bytes) -> float:
        """Reads on until that comes; when it came."""
        seen, deadline = b"", time.monotonic() + DEADLINE_S
        while text not in seen:
            if not select.select([self._ours], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError(f"{text!r} was never shown: {seen[-500:]!r}")
            seen += self._read()
        return time.perf_counter()

    def read_for(self, seconds: float) -> None:
        """Reads what comes in that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left)[0]:
                self._read()

    def type(self, keys: str) -> float:
        """Presses keys; when."""
        os.write(self._ours, keys.encode())
        return time.perf_counter()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> bytes:
        data = os.read(self._ours, 65536)
        self.shown_bytes += len(data)
        return data


@contextmanager
def instance(folder: Path, jobs: int) -> Iterator[tuple[Settings, Ledger, dict[str, str]]]:
    """Redis and the service, and so many jobs in the ledger."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"HOME": str(folder), "AIOS_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(CHECKOUT)}
    environment |= {"TERM": "xterm-256color", "AIOS_CONFIG_DIR": str(folder / "config")}
    settings = load(environment)
    for directory in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
        directory.mkdir(mode=0o700, exist_ok=True)
    redis = RedisServer(settings)
    redis.start()
    context = build_context(settings)
    ensure_ledger(context)
    _fill(context.ledger, context.machine, jobs)
    service = subprocess.Popen(
        [sys.executable, "-m", "web"], env=environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL
    )
    try:
        _await(settings.api_socket.exists)
        yield settings, context.ledger, environment
    finally:
        service.terminate()
        service.wait()
        context.close()
        redis.kill()


def _fill(ledger: Ledger, machine: str, jobs: int) -> None:
    numbers = ledger.reserve(jobs)
    made = tuple(
        make_job(
            number,
            run=numbers.run,
            machine=machine,
            weight=0,
            title=f"task {number}: make it better",
            created_ms=ledger.now_ms(),
            attempt=str(uuid.uuid4()),
        )
        for number in range(numbers.first_job, numbers.first_job + jobs)
    )
    stage = Stage(index=0, label="all", jobs=made)
    run = Run(number=numbers.run, source="all", title="much", created_ms=ledger.now_ms(), stages=(stage,))
    ledger.create_run(run, {"p1": "make it better"})
    ledger.claim(machine)
    states = [state for state, count in _QUIET.items() for _ in range(count)]
    for job, state in zip(ledger.run_jobs(numbers.run), states, strict=False):
        ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING)
        if state is not JobState.RUNNING:
            ledger.move(job.attempt, {JobState.RUNNING}, state, question="Go on?")


class Events(threading.Thread):
    """Changes a job of the ledger so many times a second, each with its event.

    With ``has_moves`` every other one begins or ends to wait, so that rows at the top come and go.
    """

    def __init__(self, ledger: Ledger, rate: float, *, has_moves: bool) -> None:
        super().__init__(daemon=True)
        self._ledger = ledger
        self._jobs = ledger.run_jobs(1)
        self._rate = rate
        self._has_moves = has_moves
        self._is_over = threading.Event()
        self.sent = 0

    def run(self) -> None:
        begin = time.monotonic()
        while not self._is_over.wait(max(begin + self.sent / self._rate - time.monotonic(), 0)):
            self.sent += 1
            job = self._jobs[self.sent * 7 % len(self._jobs)]
            states = (JobState.RUNNING, JobState.WAITING)
            if self._has_moves and self.sent % 2 and job.state in states:
                self._ledger.move(job.attempt, states, states[self.sent // 2 % 2])
            else:
                self._ledger.note(job.number, added=self.sent % 500, files=3, question=f"And {self.sent}?")

    def stop(self) -> None:
        self._is_over.set()
        self.join()


@contextmanager
def events(ledger: Ledger, rate: float, *, has_moves: bool) -> Iterator[Events]:
    """So many events a second until the block ends."""
    thread = Events(ledger, rate, has_moves=has_moves)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


def _await(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def measure(folder: Path, jobs: int, rate: float, seconds: float, keys: int) -> list[tuple[str, str]]:
    """The rows of the table."""
    with instance(folder, jobs) as (_, ledger, environment):
        terminal = Terminal(environment)
        try:
            began = time.perf_counter()
            opened_s = terminal.read_until(b"waiting ") - began
            terminal.read_for(2)
            idle = _share(terminal, seconds)
            written = terminal.shown_bytes
            with events(ledger, rate, has_moves=True) as told:
                busy = _share(terminal, seconds)
                written, sent = terminal.shown_bytes - written, told.sent
            with events(ledger, rate, has_moves=False):
                times = _key_times(terminal, keys)
            memory = psutil.Process(terminal.process.pid).memory_info().rss
        finally:
            terminal.close()
    quick, slow = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    return [
        ("opened, with the jobs on the screen", f"{opened_s * 1000:.0f} ms"),
        ("share of a core, nothing happens", f"{idle:.1%}"),
        (f"share of a core, {sent / seconds:.0f} events a second", f"{busy:.1%}"),
        ("written to the terminal meanwhile", f"{written / seconds / 1024:.1f} KiB a second"),
        (f"key to screen, of {len(times)}: median", f"{quick * 1000:.0f} ms"),
        ("key to screen: 95 of 100", f"{slow * 1000:.0f} ms"),
        ("memory", f"{memory / 1024**2:.0f} MiB"),
    ]


def _share(terminal: Terminal, seconds: float) -> float:
    process = psutil.Process(terminal.process.pid)
    before, began = process.cpu_times(), time.monotonic()
    terminal.read_for(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / (time.monotonic() - began)


def _key_times(terminal: Terminal, keys: int) -> list[float]:
    times = []
    for press in range(keys):
        terminal.read_for(0.05 + press % 7 * 0.02)
        pressed = terminal.type("j" if press % 10 < 5 else "k")
        times.append(terminal.read_until(SELECTED) - pressed)
    return times


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--keys", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aios-b-", dir="/tmp") as folder:
        rows = measure(Path(folder), args.jobs, args.rate, args.seconds, args.keys)
    print(f"| {args.jobs} jobs, {COLUMNS} x {ROWS} | |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
