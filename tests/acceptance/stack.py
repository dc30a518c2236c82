"""A whole AIOS for tests: its command line, its worker and service, its Redis, tmux and projects."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import LIVE_STATES, Job, JobState
from aios_app.ledger.ledger import Ledger
from aios_app.services.context import open_catalog
from aios_app.settings import load
from aios_app.stack.address import redis_py_url
from aios_app.tmux.server import DEFAULT_CONFIG, SessionInfo, TmuxServer
from tests.conftest import CHECKOUT, environment_in, new_project

Completed = subprocess.CompletedProcess[str]

#: Seconds in which anything that a test waits for must have come.
DEADLINE_S = 40.0
#: A prompt for the stand-in agent that keeps a test short.
QUICK = "say hello\ndemo: seconds 0.2"


class Stack:
    """One instance in its own folder, with the stand-in agent ``d`` and as many agents at once as wanted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = environment_in(root)
        self.settings = load(self.environment)
        self.settings.data_dir.mkdir(mode=0o700)
        catalog = open_catalog(self.settings)
        catalog.put_agent(DEMO_AGENT)
        catalog.set("max_agents", "60")
        self.machine = catalog.machine_id()
        catalog.close()
        self.ledger = Ledger(redis_py_url(self.settings))
        self.tmux = TmuxServer(
            self.settings.tmux_socket, config=DEFAULT_CONFIG, spool_dir=self.settings.spool_dir
        )

    # The command line

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """The program and the environment of a command line."""
        return [sys.executable, "-m", "aios_app.cli", *words], self.environment | {
            "PYTHONPATH": str(CHECKOUT)
        }

    def run(self, *words: str, cwd: Path | None = None, stdin: bytes = b"") -> Completed:
        """Runs a command to its end, without a terminal."""
        argv, environment = self.command(*words)
        done = subprocess.run(
            argv,
            cwd=cwd or self.root / "home",
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        texts = (data.decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(list(words), done.returncode, *texts)

    def ok(self, *words: str, cwd: Path | None = None, stdin: bytes = b"") -> str:
        """What a command that must succeed printed."""
        done = self.run(*words, cwd=cwd, stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *words: str, cwd: Path | None = None, stdin: bytes = b"") -> int:
        """Starts a run by ``all`` or ``multi``; its number."""
        answer = json.loads(self.ok(*words, "--json", cwd=cwd, stdin=stdin))
        return int(answer["run"]["number"])

    def open(self, *words: str) -> subprocess.Popen[str]:
        """Starts a command and does not wait for it."""
        argv, environment = self.command(*words)
        return subprocess.Popen(
            argv,
            cwd=self.root / "home",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def terminal(self, *words: str, cwd: Path | None = None) -> Iterator[Terminal]:
        """Runs a command on a terminal of its own until the block ends."""
        argv, environment = self.command(*words)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            argv,
            cwd=cwd or self.root / "home",
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        terminal = Terminal(ours, process)
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    # Projects and agents

    def project(self, name: str) -> Path:
        """A saved project with a remote."""
        path = new_project(self.root, self.environment, name)
        self.ok("add", str(path))
        return path

    def projects(self, stem: str, count: int) -> list[Path]:
        """So many saved projects, ``stem-0`` and on, without asking their remotes."""
        paths = [new_project(self.root, self.environment, f"{stem}-{n}") for n in range(count)]
        catalog = open_catalog(self.settings)
        for path in paths:
            catalog.add_project(path)
        catalog.close()
        return paths

    def git(self, path: Path, *words: str) -> str:
        """What git says in that directory."""
        done = subprocess.run(
            ["git", *words], cwd=path, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def script(self, name: str, text: str) -> Path:
        """A program of the person's."""
        path = self.root / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    # What came of it

    def jobs(self, run: int) -> list[Job]:
        return self.ledger.run_jobs(run)

    def job(self, number: int) -> Job:
        job = self.ledger.job(number)
        assert job is not None
        return job

    def until(self, run: int, check: Callable[[Sequence[Job]], bool]) -> list[Job]:
        """Waits, from event to event, until the jobs of the run are as wanted."""
        jobs: list[Job] = []

        def is_so() -> bool:
            jobs[:] = self.jobs(run)
            return check(jobs)

        self.await_event(is_so, lambda: "\n".join(f"{j.number} {j.state} {j.cause}" for j in jobs))
        return jobs

    def until_over(self, run: int) -> list[Job]:
        """Waits until no job of the run is live."""
        return self.until(run, lambda jobs: all(job.state not in LIVE_STATES for job in jobs))

    def until_all(self, run: int, state: JobState) -> list[Job]:
        """Waits until all jobs of the run are in ``state``."""
        return self.until(run, lambda jobs: all(job.state is state for job in jobs))

    def await_event(
        self, check: Callable[[], bool], describe: Callable[[], str] = str, *, deadline_s: float = DEADLINE_S
    ) -> None:
        """Looks at each event until ``check`` is true."""
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            after = self.ledger.last_event_id()
            if check():
                return
            self.ledger.wait_event(after, timeout_s=1)
        pytest.fail(f"not so after {deadline_s:g} s: {describe()}")

    def sessions(self, jobs: Sequence[Job]) -> list[SessionInfo]:
        """The living sessions of these jobs."""
        names = {job.name for job in jobs}
        return [session for session in self.tmux.sessions() if session.name in names]

    def type(self, job: Job, text: str) -> None:
        """Types a line into the job's terminal."""
        keys = ["send-keys", "-t", f"={job.name}:", text, "Enter"]
        subprocess.run(["tmux", "-S", str(self.settings.tmux_socket), *keys], check=True)

    def processes(self, name: str, value: str) -> list[psutil.Process]:
        """The living processes with this variable in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(name) == value:
                    found.append(process)
        return found

    # Its end

    def close(self) -> None:
        """Ends everything that was started in this instance."""
        self.run("down")
        self.ledger.close()
        subprocess.run(
            ["tmux", "-S", str(self.settings.tmux_socket), "kill-server"], check=False, capture_output=True
        )
        left = self.processes("AIOS_DATA_DIR", str(self.settings.data_dir))
        left += self.processes("AIOS_SPOOL", str(self.settings.spool_dir))
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()


class Terminal:
    """The person's side of a terminal."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self.process = process
        self.seen = ""

    def read_until(self, text: str) -> str:
        """Reads what is shown until it holds ``text``."""
        while text not in self.seen:
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:
                data = b""
            if not data:
                pytest.fail(f"{text!r} was never shown: {self.seen[-2000:]!r}")
            self.seen += data.decode("utf-8", "replace")
        return self.seen

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())
