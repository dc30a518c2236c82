"""A stack that can be stopped at exact places and killed there, and what it is judged by."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from aios_app.domain.errors import QueueError
from aios_app.domain.models import Agent, Finishes, Job, JobState
from aios_app.services.context import open_catalog
from aios_app.stack.processes import Process
from aios_app.stack.states import living
from aios_app.stack.up import is_up
from aios_app.stack.waiting import tries
from tests.acceptance.stack import Stack
from tests.conftest import new_project

#: Seconds in which everything must be true again.
RECOVERY_S = 30.0
ALL = ("supervisor", "web", "worker", "redis")
#: Of each fault, the seconds until all was true again, once for each time it was survived.
FAULTS: dict[str, list[float]] = defaultdict(list)

#: Leaves a line for each start, then does what the prompt's first word says and exits with the second.
_AGENT = """\
#!/bin/sh
printf '%s %s %s\\n' "$AIOS_ATTEMPT" "$AIOS_JOB" "$$" >>{root}/starts
project=${{PWD##*/}}
gate={root}/gates/${{project%%-a[12]-*}}
set -- $1
case $1 in
hold) flock -s "$gate" true ;;
turn) /bin/sh "$AIOS_HOOK" turn '{{"message": "done"}}'; read -r _ ;;
write) echo "by $AIOS_JOB" >"$AIOS_JOB.txt" ;;
clash) echo "by $AIOS_JOB" >README.md ;;
notes) echo "by $AIOS_JOB" >notes.txt ;;
grow) hostname >>"$AIOS_JOB.txt"; /bin/sh "$AIOS_HOOK" turn '{{"message": "done"}}'; read -r _ ;;
open) echo "by $AIOS_JOB" >"$AIOS_JOB.txt"; /bin/sh "$AIOS_HOOK" turn '{{"message": "done"}}'; read -r _ ;;
server) tmux kill-server; flock -s "$gate" true ;;
esac
exit "${{2:-0}}"
"""

#: Takes the place of git or tmux: the first that comes to an armed point says so and waits there.
_STAND_IN = """\
#!/bin/sh
point() {{
    mv "{root}/armed/$1" "{root}/taken" 2>/dev/null || return 0
    echo "$1" >{root}/reached
    read -r _ <{root}/go
}}
case " $* " in
{cases}
*) exec {program} "$@" ;;
esac
point "$name-before"
{program} "$@"
status=$?
point "$name-after"
exit "$status"
"""
#: What a command line holds, and the name of the point; the first that fits.
_CASES = {
    "git": {
        "fetch ": "fetch",
        "worktree add ": "worktree",
        "diff ": "diff",
        "commit ": "commit",
        "merge --quiet --ff-only ": "forward",
        "merge --quiet ": "merge",
        "push ": "push",
        "ls-remote ": "verify",
        "update-ref refs/aios/trash/": "trash",
        "update-ref -d refs/heads/aios/": "branch",
    },
    "tmux": {"new-session ": "session"},
}


class Fleet(Stack):
    """A stack with agents ``s`` (ends by exit) and ``v`` (by turns); its git and tmux can be stopped."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._put_agents()
        self._put_programs()
        (root / "gates").mkdir()
        self._gates: dict[str, int] = {}
        for name in ("reached", "go"):
            os.mkfifo(root / name)
        # Both ends open, so that neither side of a test waits for the other to come.
        self._reached, self._go = (os.open(root / name, os.O_RDWR) for name in ("reached", "go"))

    def _put_agents(self) -> None:
        program = self.script("agent", _AGENT.format(root=self.root))
        catalog = open_catalog(self.settings)
        for key, name, finishes in (("s", "a1", Finishes.EXIT), ("v", "a2", Finishes.TURN)):
            catalog.put_agent(
                Agent(
                    uuid=str(uuid.uuid4()),
                    key=key,
                    name=name,
                    kind="generic",
                    argv=(str(program),),
                    finishes=finishes,
                )
            )
        catalog.set("idle_close", "9d")  # after every limit that a test sets
        catalog.close()

    def _put_programs(self) -> None:
        (self.root / "armed").mkdir()
        folder = self.root / "bin"
        folder.mkdir()
        for program, places in _CASES.items():
            cases = "\n".join(f'*" {words}"*) name={name} ;;' for words, name in places.items())
            real = next(f"{place}/{program}" for place in os.get_exec_path() if Path(place, program).exists())
            self.script(f"bin/{program}", _STAND_IN.format(root=self.root, cases=cases, program=real))
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"

    # Exact places

    def arm(self, point: str) -> None:
        """The next program that comes to this point waits there for ``go``."""
        (self.root / "armed" / point).touch()

    def await_point(self) -> None:
        """Returns when a program waits at the armed point."""
        ready, _, _ = select.select([self._reached], [], [], RECOVERY_S)
        assert ready, "no program came to the point"
        os.read(self._reached, 100)

    def go(self) -> None:
        """Lets the program at the point go on."""
        os.write(self._go, b"go\n")

    @contextmanager
    def closed(self, *projects: str) -> Iterator[None]:
        """Agents in these projects with the prompt ``hold`` work until the block ends, or ``release``."""
        descriptors = [
            os.open(self.root / "gates" / project, os.O_RDWR | os.O_CREAT, 0o600) for project in projects
        ]
        self._gates |= dict(zip(projects, descriptors, strict=True))
        for descriptor in descriptors:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.release(*projects)

    def release(self, *projects: str) -> None:
        """Lets the agents in these projects come to their end."""
        for project in projects:
            descriptor = self._gates.pop(project, None)
            if descriptor is not None:
                os.close(descriptor)

    # Kills

    def process(self, name: str) -> Process:
        """The living program of the stack with this name."""
        return next(record.process for record in living(self.settings) if record.name == name)

    def kill(self, *names: str) -> None:
        """SIGKILL to these programs of the stack, all of which must live; returns when they are gone."""
        self.eventually(lambda: {record.name for record in living(self.settings)} >= set(names))
        victims = [self.process(name) for name in names]
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        assert any(not any(victim.is_alive for victim in victims) for _ in tries(5)), names

    def kill_tmux(self) -> None:
        """SIGKILL to the tmux server."""
        pid = self.tmux.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def clients(self, name: str = "tmux") -> list[psutil.Process]:
        """The tmux clients, or programs of another name, that are at work under a stand-in or wait in it."""
        program = str(self.root / "bin" / name)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                found += [process] if program in process.cmdline()[1:2] else []
        return found

    @contextmanager
    def frozen(self, name: str) -> Iterator[Process]:
        """This program of the stack does nothing inside the block; it may be killed there."""
        process = self.process(name)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield process
        finally:
            if process.is_alive:
                os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def recovery(self, fault: str) -> Iterator[None]:
        """The block does the fault and ends when all is true again."""
        began = time.monotonic()
        yield
        FAULTS[fault].append(time.monotonic() - began)

    def outlast(self, seconds: float) -> None:
        """Returns after a time limit of the product's own is over, for which there is no event."""
        select.select([], [], [], max(0.0, seconds))

    # What came of it

    def add(self, *names: str) -> None:
        """Saved projects of these names."""
        catalog = open_catalog(self.settings)
        for name in names:
            catalog.add_project(new_project(self.root, self.environment, name))
        catalog.close()

    def eventually(
        self, check: Callable[[], bool], describe: Callable[[], str] = str, *, deadline_s: float = RECOVERY_S
    ) -> None:
        """Waits until ``check`` is true; a Redis that is away makes it false."""

        def is_so() -> bool:
            with contextlib.suppress(QueueError):
                return check()
            return False

        if not any(is_so() for _ in tries(deadline_s)):
            pytest.fail(f"not so after {deadline_s:g} s: {describe()}")

    def settle(self, run: int, *states: JobState) -> list[Job]:
        """The jobs of the run, once each of them is in one of these states."""
        jobs: list[Job] = []

        def is_so() -> bool:
            jobs[:] = self.jobs(run)
            return bool(jobs) and all(job.state in states for job in jobs)

        self.eventually(is_so, lambda: "\n".join(f"#{j.number} {j.state} {j.cause} {j.reason}" for j in jobs))
        return jobs

    def running(self, run: int, count: int) -> list[Job]:
        """The jobs of the run whose agents work, once there are so many and each has said that it began.

        A session is there a moment before its agent: one that is ended then has started nothing.
        """
        jobs: list[Job] = []

        def is_so() -> bool:
            jobs[:] = [job for job in self.jobs(run) if job.state is JobState.RUNNING]
            begun = {attempt for attempt, _ in self.starts()}
            return len(jobs) == count and all(job.attempt in begun for job in jobs)

        self.eventually(is_so, lambda: str([(job.number, job.state.value) for job in self.jobs(run)]))
        return jobs

    def starts(self) -> list[tuple[str, int]]:
        """Attempt and job of each start of an agent, in their order."""
        path = self.root / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(attempt, int(job)) for attempt, job, _ in map(str.split, lines)]

    def check_started_once(self, jobs: Sequence[Job]) -> None:
        """Each of these jobs had one start in its newest attempt, and no attempt of any job had two."""
        counts = Counter(attempt for attempt, _ in self.starts())
        assert {job.number: counts[job.attempt] for job in jobs} == {job.number: 1 for job in jobs}
        assert max(counts.values(), default=0) <= 1, counts

    def check_sessions(self, jobs: Sequence[Job]) -> None:
        """Each of these jobs has its living session, which carries the marks of its attempt."""
        marks = {session.name: session.marks.get("attempt") for session in self.tmux.sessions()}
        assert {job.name: marks.get(job.name) for job in jobs} == {job.name: job.attempt for job in jobs}

    def check_no_limit(self) -> None:
        """No time limit hangs over an agent that works."""
        self.eventually(
            lambda: self.ledger.next_timer(self.machine) is None,
            lambda: str(self.ledger.next_timer(self.machine)),
            deadline_s=8,
        )

    def check_only_limit(self, kind: str, job: Job) -> None:
        """This limit of the job, and no other before it."""
        self.eventually(
            lambda: (self.ledger.next_timer(self.machine) or ())[:2] == (kind, job.attempt),
            lambda: str(self.ledger.next_timer(self.machine)),
            deadline_s=8,
        )

    def check_one_of_each(self) -> None:
        """The stack is whole, and of no program is there a second one."""
        self.eventually(lambda: {record.name for record in living(self.settings)} >= set(ALL))
        self.eventually(lambda: is_up(self.settings))
        pids = {record.name: record.process.pid for record in living(self.settings)}
        for name in ("web", "worker", "redis"):
            # A child of it that has not become git or tmux yet looks the same.
            found = [
                p.pid for p in psutil.process_iter() if self._is_ours(p, name) and p.ppid() != pids[name]
            ]
            assert found == [pids[name]], (name, found, pids)

    def _is_ours(self, process: psutil.Process, name: str) -> bool:
        """Whether the process is this program of this instance, with or without its lock."""
        try:
            if name == "redis":  # it writes over its arguments and its environment
                return process.cwd() == str(self.settings.redis_dir) and "server" in process.name()
            is_here = process.environ().get("AIOS_DATA_DIR") == str(self.settings.data_dir)
            return is_here and process.cmdline()[-2:] == ["-m", {"web": "web", "worker": "workers"}[name]]
        except (psutil.Error, OSError):
            return False

    def close(self) -> None:
        for descriptor in (self._reached, self._go):
            os.close(descriptor)
        super().close()
