"""Many machines and their jobs for ``scale.py``: workers that take messages, without agents, git and tmux."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis

from aios_app.domain.machines import client_name
from aios_app.domain.models import Agent, Finishes, JobState, Run, Stage
from aios_app.ledger.ledger import Ledger
from aios_app.queue.app import queue_name
from aios_app.queue.sending import AGENT_SPAWN, MESSAGE_VERSION, WORKTREE_CREATE
from aios_app.services.context import Context, build_context
from aios_app.services.finish_job import finish_attempt
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from tests.jobs import make_job

CHECKOUT = Path(__file__).resolve().parent.parent
RUNS = 8
#: Of the sequential run, beside the others.
STAGES = 10
PROMPT = "update the licence headers of all files"
#: One in so many jobs fails.
FAILS = 10
#: Seconds without a message after which agents end whatever slots are free.
QUIET_S = 1.0
#: Seconds between two looks of a worker whether agents may end.
LOOK_S = 0.1
#: Seconds that the workers have to leave.
LEAVE_S = 60.0
AGENT = Agent(uuid="d", key="d", name="demo", kind="demo", argv=("true",), finishes=Finishes.TURN)


class Place:
    """The instance: its settings, its programs' environment, its machines."""

    def __init__(self, folder: Path, machines: int, slots: int) -> None:
        self.environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment |= {"HOME": str(folder), "AIOS_DATA_DIR": str(folder / "data")}
        self.environment |= {"PYTHONPATH": str(CHECKOUT), "AIOS_CONFIG_DIR": str(folder / "config")}
        self.machines = [f"{index:08d}-scale" for index in range(machines)]
        self.slots = slots

    @property
    def settings(self) -> Settings:
        return load(self.environment)

    def register(self, ledger: Ledger) -> None:
        """The machines as they tell of themselves."""
        facts = {"cores": 8, "load": 0.5, "memory_bytes": 2**34, "available_bytes": 2**33}
        said = json.dumps(facts | {"agents": dict.fromkeys("cdglht", "")})
        for index, machine in enumerate(self.machines):
            ledger.set_machine(machine, name=f"box-{index}", max_agents=self.slots)
            ledger.registry.write(machine, messages=MESSAGE_VERSION, version="1", facts=said)

    def beat(self, ledger: Ledger) -> None:
        """A sign of life of all machines."""
        for machine in self.machines:
            ledger.registry.beat(machine)


def plan(ctx: Context, place: Place, jobs: int) -> None:
    """Several runs and one that goes stage by stage; every third job is bound to a machine."""
    each = jobs // (RUNS + 1)
    _plan_run(ctx.ledger, place, jobs - RUNS * each, stages=STAGES)
    for _ in range(RUNS):
        _plan_run(ctx.ledger, place, each, stages=1)


def _plan_run(ledger: Ledger, place: Place, jobs: int, *, stages: int) -> None:
    numbers = ledger.reserve(jobs)
    made = [_job(place, numbers.run, numbers.first_job + index, numbers.now_ms) for index in range(jobs)]
    size = -(-jobs // stages)
    run = Run(
        number=numbers.run,
        source="all",
        title=PROMPT,
        created_ms=numbers.now_ms,
        agents=(AGENT,),
        is_sequential=stages > 1,
        stages=tuple(
            Stage(
                index=index,
                label=f"project {index}",
                jobs=tuple(make_job(**job, stage=index) for job in made[index * size : (index + 1) * size]),
            )
            for index in range(stages)
        ),
    )
    ledger.create_run(run, {"*": PROMPT})


def _job(place: Place, run: int, number: int, now_ms: int) -> dict[str, Any]:
    machine = place.machines[number // 3 % len(place.machines)] if number % 3 == 0 else ""
    project = f"project-{number % 50}"
    return {
        "number": number,
        "run": run,
        "machine": machine,
        "project": project,
        "project_id": str(uuid.uuid5(uuid.NAMESPACE_OID, project)),
        "path": f"/home/ada/code/{project}",
        "agent_key": AGENT.key,
        "agent": AGENT.name,
        "lane": AGENT.lane,
        "title": PROMPT,
        "name": f"{project}-demo-20261120-063900-all-0-j{number}",
        "attempt": str(uuid.uuid4()),
        "created_ms": now_ms,
        "since_ms": now_ms,
    }


class Workers:
    """The workers of some machines in one process. They take messages, and end an agent for each permit.

    As long as jobs wait, it is the oldest agent of a machine all of whose slots are taken.
    """

    def __init__(self, place: Place, machines: Sequence[str], permits: Any) -> None:  # noqa: ANN401 - a semaphore
        self._ctx = build_context(place.settings)
        ensure_ledger(self._ctx)
        self._slots = place.slots
        self._permits = permits
        self._queues = {queue_name(machine): machine for machine in machines}
        self._running: dict[str, deque[str]] = {machine: deque() for machine in machines}
        self._redis = redis.Redis.from_url(self._ctx.ledger.url)
        self._connections = [
            redis.Redis.from_url(self._ctx.ledger.url, client_name=client_name(machine))
            for machine in machines
        ]

    def work(self, is_over: Any) -> None:  # noqa: ANN401 - an event of multiprocessing
        """Until the event is set and nothing is left to do."""
        for connection in self._connections:
            connection.ping()
        heard_s = time.monotonic()
        while True:
            answer: Any = self._redis.brpop(list(self._queues), timeout=LOOK_S)
            if answer:
                self._take(self._queues[answer[0].decode()], json.loads(answer[1]))
                heard_s = time.monotonic()
            is_quiet = time.monotonic() - heard_s > QUIET_S
            if is_quiet and is_over.is_set():
                return
            for machine in random.sample(list(self._running), len(self._running)):
                self._end_some(machine, 1 if is_quiet else self._slots)

    def _end_some(self, machine: str, most: int) -> None:
        while len(self._running[machine]) >= most and self._permits.acquire(block=False):
            self._end(machine)

    def _take(self, machine: str, message: dict[str, Any]) -> None:
        task = message["headers"]["task"]
        _, kwargs, embedded = json.loads(base64.b64decode(message["body"]))
        attempt = kwargs.get("attempt", "")
        if task == WORKTREE_CREATE:
            assert embedded["chain"]
            self._begin(machine, attempt)
        elif task == AGENT_SPAWN:
            self._ctx.ledger.note_reported(machine, attempt)

    def _begin(self, machine: str, attempt: str) -> None:
        """What stands for worktree, session and agent."""
        found = self._ctx.ledger.look(attempt)
        assert found is not None
        place = f"/home/ada/.local/share/aios/worktrees/{found[1].name}"
        self._ctx.ledger.note(found[1].number, worktree=place, base_ref="origin/main", base_sha="8" * 40)
        moved = self._ctx.ledger.move(attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
        assert moved
        self._running[machine].append(attempt)

    def _end(self, machine: str) -> None:
        attempt = self._ctx.ledger.attempt(self._running[machine].popleft())
        assert attempt is not None
        is_failure = attempt.job % FAILS == 0
        state, cause = (JobState.FAILED, "exit 1") if is_failure else (JobState.REVIEW, "")
        ctx = replace(self._ctx, machine=machine, is_worker=True)
        assert finish_attempt(ctx, attempt, state, cause)


def _workers(place: Place, machines: Sequence[str], permits: Any, is_over: Any) -> None:  # noqa: ANN401
    Workers(place, machines, permits).work(is_over)


@contextmanager
def working(place: Place, processes: int) -> Iterator[Callable[[], None]]:
    """The workers of all machines; each call of what is given lets one agent end."""
    spawn = multiprocessing.get_context("spawn")
    permits, is_over = spawn.Semaphore(0), spawn.Event()
    shares = [place.machines[index::processes] for index in range(processes)]
    programs = [spawn.Process(target=_workers, args=(place, share, permits, is_over)) for share in shares]
    for program in programs:
        program.start()
    try:
        yield permits.release
    finally:
        is_over.set()
        for program in programs:
            program.join(LEAVE_S)
            program.kill()


@contextmanager
def permitting(release: Callable[[], None], rate: float) -> Iterator[None]:
    """So many agents may end in each second until the block ends."""
    is_over = threading.Event()

    def permit() -> None:
        while not is_over.wait(1 / rate):
            release()

    thread = threading.Thread(target=permit)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
