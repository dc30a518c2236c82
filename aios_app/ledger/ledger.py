"""What runs, spoken of in runs, jobs and attempts."""

from __future__ import annotations

import json
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aios_app.domain.errors import UnknownJob
from aios_app.domain.events import Event, EventKind
from aios_app.domain.machines import Machine
from aios_app.domain.models import LIVE_STATES, Agent, Job, JobState, Run
from aios_app.ledger import keys
from aios_app.ledger.catalogue import Catalogue
from aios_app.ledger.connection import Scripts, connect, redis_errors
from aios_app.ledger.lines import Lines
from aios_app.ledger.registry import Registry
from aios_app.ledger.texts import as_json, whole

logger = logging.getLogger(__name__)

#: Taken off the order of a job for which a person waits.
_FIRST = 1_000_000_000
_EVENTS_AT_ONCE = 1000
_DEFAULTS = {
    f.name: str(int(f.default)) if isinstance(f.default, bool) else str(f.default)
    for f in fields(Job)
    if isinstance(f.default, str | int)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What ``reserve`` gave away. ``now_ms`` is Redis' clock."""

    run: int
    first_job: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the ledger knows of one attempt beside its job."""

    id: str
    job: int
    agent_key: str
    ending: str = ""  #: why AIOS ends it: ``stop``, ``close``, or the cause of its failure
    is_over: bool = False
    result: str = ""
    mode: str = ""  #: ``resume``: start idle, with the conversation it had
    screen: str = ""
    trouble: str = ""  #: what failed last, while the agent may still try again
    is_busy: bool = False  #: its turn is over, but for a command that it still awaits


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Which of the jobs that any machine may take one machine may take now."""

    most: int = 1_000_000
    placed: str = "the only machine"  #: what such a job says of where it is
    agents: Mapping[str, str] = field(default_factory=dict)  #: agent key -> why it cannot be started there
    closing: int = 0  #: agents of other machines that make room for them
    only_resumed: bool = False  #: and of the machine's own only those that go on with their conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What may begin on a machine now (already ``preparing``), and whose agent is to make room."""

    begins: list[Job]
    closes: list[Job]
    is_later: bool = False  #: the machine's timers have a new time at which something may begin
    waits: dict[int, str] = field(default_factory=dict)  #: why it did not take jobs that any machine may take
    lacks: dict[int, str] = field(default_factory=dict)  #: the same of those whose agent it has not


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The agents of one login. A lane that was never parked has only its name."""

    name: str
    parked_ms: int = 0  #: when a rate limit was last hit; 0 once an agent has worked since
    until_ms: int = 0  #: none of its jobs begins before
    pause_s: int = 0  #: for how long it was parked last
    reason: str = ""  #: said of the jobs that wait


class Ledger:
    """The runs, jobs and slots of one AIOS. Safe for several threads.

    Every writing call is one atomic step and is refused (``LedgerLost``) where the ledger was lost or rebuilt
    since ``open``; ``QueueError`` where Redis does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._redis = connect(url)
        self._scripts = Scripts(self._redis)
        self._generation = ""
        self.lines = Lines(self._redis, self._run)
        self.catalogue = Catalogue(self._redis, self._run)
        self.registry = Registry(self._redis)

    def close(self) -> None:
        self._redis.close()

    def open(self, *, instance: str, last_run: int = 0, last_job: int = 0) -> bool:
        """Learns the ledger's generation; makes the ledger, with these counters, where there is none.

        ``instance`` is the owning AIOS, ``""`` for a machine that only joins it. True: it was made.
        """
        generation, made = self._scripts.run(
            "init", keys.VERSION, instance, str(uuid.uuid4()), last_run, last_job
        )
        self._generation = generation
        return bool(made)

    # Runs

    def reserve(self, jobs: int) -> Numbers:
        """The next run number and ``jobs`` job numbers in a row; numbers are never given twice."""
        run, first, now_ms = self._run("reserve", jobs)
        return Numbers(run=int(run), first_job=int(first), now_ms=int(now_ms))

    def create_run(self, run: Run, prompts: Mapping[str, str], *, stage: int = 0) -> None:
        """Writes the whole plan and opens ``stage``. A second time: nothing.

        ``prompts`` are by agent key, ``*`` for all; each job must have its attempt.
        """
        plan = {"run": _run_fields(run, stage), "jobs": [_job_fields(job) for job in run.jobs]}
        pairs = (text for pair in prompts.items() for text in pair)
        self._run("create_run", as_json(plan), *pairs)

    def run(self, number: int) -> dict[str, str]:
        """The run's fields; empty where there is none."""
        with redis_errors():
            return dict(self._redis.hgetall(keys.run(number)))

    def run_numbers(self) -> list[int]:
        with redis_errors():
            return [int(number) for number in self._redis.zrevrange(keys.RUNS, 0, -1)]

    def prompts(self, run: int) -> dict[str, str]:
        """The run's prompts by agent key (``*``: any), byte for byte (``surrogateescape``)."""
        with redis_errors():
            return dict(self._redis.hgetall(keys.run(run) + ":prompts"))

    def run_agent(self, run: int, key: str) -> Agent:
        """The agent as it was when the run was planned, or when the job was tried again with it."""
        agents = json.loads(self.run(run)["agents"])
        return Agent.from_json(agents[key])

    def add_run_agent(self, run: int, agent: Agent) -> None:
        with redis_errors():
            agents = json.loads(self.run(run)["agents"])
            self._redis.hset(keys.run(run), "agents", json.dumps(agents | {agent.key: agent.to_json()}))

    def run_base(self, run: int, project_id: str) -> str | None:
        """What the run's first job in this project found as its base; None: none has fetched yet."""
        with redis_errors():
            base: str | None = self._redis.hget(keys.run(run) + ":bases", project_id)
            return base

    def note_run_base(self, run: int, project_id: str, base: str) -> None:
        with redis_errors():
            self._redis.hset(keys.run(run) + ":bases", project_id, base)

    # Jobs

    def job(self, number: int) -> Job | None:
        found = self.jobs([number])
        return found[0] if found else None

    def job_of(self, attempt: Attempt) -> Job:
        job = self.job(attempt.job)
        if job is None:
            raise UnknownJob(f"there is no job {attempt.job}")
        return job

    def jobs(self, numbers: Iterable[int]) -> list[Job]:
        """The jobs that exist, in the order asked for; none that only a newer version understands."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for number in numbers:
                pipe.hgetall(keys.job(number))
            found = pipe.execute()
        return [job for data in found if data and (job := _readable(data)) is not None]

    def run_jobs(self, run: int) -> list[Job]:
        with redis_errors():
            return self.jobs(int(n) for n in self._redis.lrange(keys.run(run) + ":jobs", 0, -1))

    def run_states(self, run: int) -> dict[str, int]:
        """How many of the run's jobs are in which state."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for number in self._redis.lrange(keys.run(run) + ":jobs", 0, -1):
                pipe.hget(keys.job(number), "state")
            return dict(Counter(state for state in pipe.execute() if state))

    def jobs_in(self, states: Iterable[JobState], *, since_ms: int = 0) -> list[Job]:
        """All jobs in these states that came into them at ``since_ms`` or later, each once."""
        found = self.numbers_in(states, since_ms=since_ms)
        return self.jobs(number for numbers in found.values() for number in numbers)

    def numbers_in(self, states: Iterable[JobState], *, since_ms: int = 0) -> dict[JobState, list[int]]:
        """The numbers of the same jobs by state."""
        wanted = list(states)
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            for state in wanted:
                pipe.zrangebyscore(keys.state(state), since_ms, "+inf")
            found = pipe.execute()
        return {state: [int(n) for n in numbers] for state, numbers in zip(wanted, found, strict=True)}

    def tally(self) -> tuple[dict[str, int], int]:
        """How many queued jobs wait for what, and how many runs have jobs that are not over."""
        reasons, runs_open = self._run("tally", *LIVE_STATES)
        return {reason: int(jobs) for reason, jobs in _pairs(reasons).items()}, int(runs_open)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state; states without a job are left out."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for state in JobState:
                pipe.zcard(keys.state(state))
            return {str(s): n for s, n in zip(JobState, pipe.execute(), strict=True) if n}

    def move(
        self,
        attempt: str,
        sources: Iterable[JobState],
        state: JobState | None,
        *,
        finishes: bool = False,
        ends: bool = False,
        result: Mapping[str, Any] | None = None,
        **changes: str | int,
    ) -> bool:
        """The one step by which a job comes into ``state`` (None: stays), with these fields changed.

        False, and nothing changed: the attempt is stale or over, or the job is in none of ``sources``.
        ``finishes``: it counts for its stage (once). ``ends``: the agent's process is gone, its slot is free.
        """
        options = {"ends": ends, "finishes": finishes, "result": json.dumps(result or {})}
        return bool(
            self._run(
                "move",
                attempt,
                json.dumps(dict.fromkeys(sources, True)),
                state or "",
                as_json({name: str(value) for name, value in changes.items()}),
                json.dumps(options),
            )
        )

    def renew(
        self,
        job: Job,
        sources: Iterable[JobState],
        *,
        order: int,
        mode: str = "",
        changes: Mapping[str, str | int] | None = None,
    ) -> str | None:
        """Queues a new attempt of the job; its id, or None where the job's state forbids it.

        Jobs of a lower ``order`` get a slot first; a new job's order is its number.
        """
        attempt = str(uuid.uuid4())
        fields_json = as_json({name: str(value) for name, value in (changes or {}).items()})
        sources_json = json.dumps(dict.fromkeys(sources, True))
        done = self._run("renew", job.number, sources_json, attempt, fields_json, order, job.attempt, mode)
        return attempt if done else None

    def adopt(self, job: Job, cause: str) -> bool:
        """Its machine tells what became of a job that is lost for this cause in a ledger written again.

        False, and nothing changed: it is not.
        """
        return bool(self._run("adopt", job.number, as_json(_job_fields(job)), cause))

    def settle(self, number: int, sources: Iterable[JobState], state: JobState, **changes: str | int) -> bool:
        """The work of a job that is over comes into ``state``: landed, dropped, or back in review.

        False, and nothing changed: the job is in none of ``sources``, or its agent's process is there.
        ``ValueError`` for states in which an agent works: ``move`` and ``renew`` lead into and out of them.
        """
        wanted = set(sources)
        if LIVE_STATES & {*wanted, state}:
            raise ValueError(state)
        fields_json = as_json({name: str(value) for name, value in changes.items()})
        sources_json = json.dumps(dict.fromkeys(wanted, True))
        return bool(self._run("settle", number, sources_json, state, fields_json))

    def note(self, number: int, **changes: str | int) -> None:
        """Changes what is shown of a job, whatever its state."""
        self._run("note", number, as_json({name: str(value) for name, value in changes.items()}))

    def note_check(self, job: Job, sources: Iterable[str], **changes: str | int) -> bool:
        """Notes what becomes of the check of the job's turn.

        False, and nothing changed: it has had a further turn, or its ``check`` is none of ``sources``.
        """
        sources_json = json.dumps(dict.fromkeys(sources, True))
        fields_json = as_json({name: str(value) for name, value in changes.items()})
        return bool(self._run("note_check", job.number, job.turns, sources_json, fields_json))

    def pass_stage(self, attempt: str, *, is_away: bool = False) -> bool:
        """The job of this attempt holds its stage no longer, if it waits for an answer or a machine.

        ``is_away``: whatever it does, as its machine does not answer.
        """
        return bool(self._run("pass_stage", attempt, int(is_away)))

    # Attempts

    def attempt(self, attempt_id: str) -> Attempt | None:
        with redis_errors():
            data = self._redis.hgetall(keys.attempt(attempt_id))
        return _attempt(attempt_id, data) if data.get("job") else None

    def look(self, attempt_id: str) -> tuple[Attempt, Job] | None:
        """The attempt and its job, at once; None where there is no such attempt."""
        found = [_pairs(flat) for flat in self._run("look", attempt_id)]
        return (_attempt(attempt_id, found[0]), Job.from_fields(found[1])) if found else None

    def note_attempt(self, attempt_id: str, **values: str) -> None:
        """Sets ``ending``, ``screen``, ``trouble`` or ``busy`` of an attempt."""
        with redis_errors():
            texts = {name: whole(value) for name, value in values.items()}
            self._redis.hset(keys.attempt(attempt_id), mapping=texts)

    def unreported(self, machine: str) -> list[str]:
        """Attempts whose result is known and whose task has not returned it yet."""
        with redis_errors():
            return sorted(self._redis.smembers(keys.machine(machine) + ":unreported"))

    def note_reported(self, machine: str, attempt_id: str) -> None:
        with redis_errors():
            self._redis.srem(keys.machine(machine) + ":unreported", attempt_id)

    # Machines and slots

    def set_machine(self, machine: str, **values: str | int) -> None:
        with redis_errors():
            self._redis.sadd(keys.MACHINES, machine)
            self._redis.hset(keys.machine(machine), mapping=dict(values))

    def machine(self, machine: str) -> dict[str, str]:
        with redis_errors():
            return dict(self._redis.hgetall(keys.machine(machine)))

    def machines(self) -> list[str]:
        with redis_errors():
            return sorted(self._redis.smembers(keys.MACHINES))

    def machines_known(self) -> list[Machine]:
        """The machines of the cluster by name, and whether they are there."""
        return self.registry.known()

    def slots_used(self, machine: str) -> int:
        with redis_errors():
            return int(self._redis.scard(keys.machine(machine) + ":slots"))

    def claim(self, machine: str, offer: Offer | None = None) -> Claim:
        """Takes the jobs that may begin now; the machine's others say why they wait."""
        begins, closes, is_later, waits, lacks = self._run(
            "claim", machine, as_json(asdict(offer or Offer()))
        )
        return Claim(
            begins=self.jobs(map(int, begins)),
            closes=self.jobs(map(int, closes)),
            is_later=bool(is_later),
            waits=_reasons(waits),
            lacks=_reasons(lacks),
        )

    def waiting(self, machine: str, most: int = 0) -> list[int]:
        """The jobs that wait for a slot of the machine, without a name those that any may take; 0: all."""
        with redis_errors():
            queue = keys.machine(machine) + ":queue"
            return [int(number) for number in self._redis.zrange(queue, 0, most - 1)]

    def queue_lengths(self, machines: Sequence[str]) -> dict[str, int]:
        """How many jobs wait for each; without a name those that any may take."""
        return self._counts(machines, lambda pipe, key: pipe.zcard(key + ":queue"))

    def closing(self, machines: Sequence[str]) -> dict[str, int]:
        """How many agents of each were asked to make room."""
        return self._counts(machines, lambda pipe, key: pipe.scard(key + ":closing"))

    def _counts(self, machines: Sequence[str], ask: Callable[[Any, str], object]) -> dict[str, int]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for machine in machines:
                ask(pipe, keys.machine(machine))
            return dict(zip(machines, pipe.execute(), strict=True))

    def say_waits(self, machine: str, reasons: Mapping[int, str]) -> None:
        """Why these jobs wait, if they (still) wait for that machine; without a name for any."""
        if reasons:
            pairs = [word for number, reason in reasons.items() for word in (number, whole(reason))]
            self._run("say_waits", machine, *pairs)

    def take_turn(self, attempt: str) -> int:
        """Milliseconds until the attempt's agent may start, its lane's starts being so long apart."""
        return int(self._run("take_turn", attempt))

    def hurry(self, job: Job) -> None:
        """The queued job goes before all others of its machine: a person waits for it."""
        with redis_errors():
            queue = keys.machine(job.machine) + ":queue"
            self._redis.zadd(queue, {str(job.number): job.number - _FIRST}, xx=True)

    def keep_open(self, job: Job) -> None:
        """The job's agent is not closed for its slot: a person is at it."""
        with redis_errors():
            self._redis.sadd(keys.machine(job.machine) + ":kept", job.number)
            self._redis.srem(keys.machine(job.machine) + ":closing", job.number)

    def forget_kept(self, machine: str) -> bool:
        """Persons may have left: all agents in review may be asked again. True where any was kept."""
        with redis_errors():
            return bool(self._redis.delete(keys.machine(machine) + ":kept"))

    def forget_closing(self, machine: str) -> None:
        """Agents that were asked to make room may be asked again: nobody knows whether they heard it."""
        with redis_errors():
            self._redis.delete(keys.machine(machine) + ":closing")

    # Lanes

    def lane(self, name: str) -> Lane:
        with redis_errors():
            data = self._redis.hgetall(keys.lane(name))
        times = {field: int(data.get(field) or 0) for field in ("parked_ms", "until_ms", "pause_s")}
        return Lane(name=name, reason=data.get("reason", ""), **times)

    def parked_lanes(self) -> list[Lane]:
        """Those that are parked now."""
        with redis_errors():
            names = sorted(self._redis.smembers(keys.LANES))
        now_ms = self.now_ms() if names else 0
        return [lane for lane in map(self.lane, names) if lane.until_ms > now_ms]

    def park(self, lane: Lane) -> None:
        """Begins no job of the lane before ``until_ms``, but those that a person wants."""
        values = {
            "parked_ms": lane.parked_ms,
            "until_ms": lane.until_ms,
            "pause_s": lane.pause_s,
            "reason": lane.reason,
        }
        with redis_errors():
            self._redis.sadd(keys.LANES, lane.name)
            self._redis.hset(keys.lane(lane.name), mapping=values)

    def free_lane(self, name: str) -> None:
        """Its agents work: nothing of the rate limit is remembered."""
        with redis_errors():
            self._redis.hdel(keys.lane(name), "parked_ms", "until_ms", "pause_s", "reason")
            self._redis.srem(keys.LANES, name)

    def await_lane(self, job: Job) -> None:
        """The job's attempt, which has failed, is one of those that ``take_failed`` gives back."""
        with redis_errors():
            self._redis.sadd(keys.lane(job.lane) + ":failed", job.attempt)

    def take_failed(self, lane: str) -> list[str]:
        """The attempts that ``await_lane`` was told of, each once."""
        with redis_errors():
            key = keys.lane(lane) + ":failed"
            return list(self._redis.spop(key, self._redis.scard(key)) or [])

    # News

    def note_news(self, machine: str, number: int) -> None:
        """The job is to be announced."""
        with redis_errors():
            self._redis.sadd(keys.machine(machine) + ":news", number)

    def take_news(self, machine: str) -> list[Job]:
        """The jobs that were noted, each once."""
        with redis_errors():
            key = keys.machine(machine) + ":news"
            numbers = self._redis.spop(key, self._redis.scard(key)) or []
        return self.jobs(sorted(map(int, numbers)))

    # Timers

    def set_timer(
        self, machine: str, kind: str, attempt: str, due_ms: int, *, is_movable: bool = True
    ) -> None:
        """Sets a timer, or moves it to its new time where it ``is_movable``."""
        timers = keys.machine(machine) + ":timers"
        with redis_errors():
            self._redis.zadd(timers, {f"{kind}:{attempt}": due_ms}, nx=not is_movable)

    def put_off_timer(self, machine: str, kind: str, attempt: str, due_ms: int) -> None:
        """Moves a timer to a later time, unless it was dropped meanwhile."""
        with redis_errors():
            self._redis.zadd(keys.machine(machine) + ":timers", {f"{kind}:{attempt}": due_ms}, xx=True)

    def drop_timers(self, machine: str, attempt: str, kinds: Iterable[str]) -> None:
        with redis_errors():
            self._redis.zrem(keys.machine(machine) + ":timers", *(f"{kind}:{attempt}" for kind in kinds))

    def next_timer(self, machine: str) -> tuple[str, str, int] | None:
        """Kind, attempt and due time of the timer that is due first."""
        with redis_errors():
            found = self._redis.zrange(keys.machine(machine) + ":timers", 0, 0, withscores=True)
        if not found:
            return None
        kind, _, attempt = str(found[0][0]).partition(":")
        return kind, attempt, int(found[0][1])

    # Events

    def last_event_id(self) -> str:
        """The id of the newest event, ``0-0`` where there is none."""
        with redis_errors():
            found = self._redis.xrevrange(keys.EVENTS, count=1)
        return str(found[0][0]) if found else "0-0"

    def job_events(self, number: int, *, since_ms: int, limit: int) -> list[Event]:
        """The newest events of the job that the stream still has, oldest first."""
        found: list[Event] = []
        end = "+"
        while len(found) < limit:
            with redis_errors():
                batch = self._redis.xrevrange(keys.EVENTS, end, since_ms, count=_EVENTS_AT_ONCE)
            found += [_event(event_id, data) for event_id, data in batch if data["job"] == str(number)]
            if len(batch) < _EVENTS_AT_ONCE:
                break
            end = f"({batch[-1][0]}"
        return found[:limit][::-1]

    def wait_event(self, after: str, *, timeout_s: float) -> str | None:
        """Waits, at most 10 s, for the next event after this id and returns its id, else None."""
        events = self.wait_events(after, timeout_s=timeout_s, most=1)
        return events[0].id if events else None

    def wait_events(self, after: str, *, timeout_s: float, most: int = _EVENTS_AT_ONCE) -> list[Event]:
        """Waits, at most 10 s, for events after this id; returns those that have come, oldest first."""
        block_ms = max(1, int(min(timeout_s, 10) * 1000))
        with redis_errors():
            found = self._redis.xread({keys.EVENTS: after}, count=most, block=block_ms)
        return [_event(event_id, data) for event_id, data in found[0][1]] if found else []

    # The server

    def now_ms(self) -> int:
        """Redis' clock, by which everything in the ledger is timed."""
        with redis_errors():
            seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def server_info(self) -> dict[str, str]:
        """``engine`` (valkey or redis) and ``version``."""
        with redis_errors():
            info: dict[str, Any] = self._redis.info("server")
        if "valkey_version" in info:
            return {"engine": "valkey", "version": str(info["valkey_version"])}
        return {"engine": "redis", "version": str(info["redis_version"])}

    def pubsub_clients(self) -> set[str]:
        """Ids of the connections that listen to published messages, such as Flower's."""
        with redis_errors():
            return {client["id"] for client in self._redis.client_list(_type="pubsub")}

    def unblock(self, client_name: str) -> None:
        """Ends the blocking reads of the connections that bear this name."""
        with redis_errors():
            for client in self._redis.client_list():
                if client["name"] == client_name and client["cmd"] == "brpop":
                    self._redis.client_unblock(int(client["id"]))

    def _run(self, script: str, *args: Any) -> Any:  # noqa: ANN401 - what Redis answers
        return self._scripts.run(script, self._generation, *args)


def _readable(data: dict[str, str]) -> Job | None:
    try:
        return Job.from_fields(data)
    except (TypeError, ValueError) as error:
        logger.warning("job %s cannot be read, and is left out: %s", data.get("number"), error)
        return None


def _attempt(attempt_id: str, data: Mapping[str, str]) -> Attempt:
    return Attempt(
        id=attempt_id,
        job=int(data["job"]),
        agent_key=data.get("agent", ""),
        ending=data.get("ending", ""),
        is_over=data.get("ended") == "1",
        result=data.get("result", ""),
        mode=data.get("mode", ""),
        screen=data.get("screen", ""),
        trouble=data.get("trouble", ""),
        is_busy=data.get("busy") == "1",
    )


def _event(event_id: str, data: Mapping[str, str]) -> Event:
    return Event(
        id=event_id,
        kind=EventKind(data["kind"]),
        run=int(data["run"] or 0),
        job=int(data["job"]),
        state=data["state"],
    )


def _reasons(flat: Sequence[str]) -> dict[int, str]:
    return {int(number): reason for number, reason in _pairs(flat).items()}


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _run_fields(run: Run, stage: int) -> dict[str, str]:
    return {
        "number": str(run.number),
        "source": run.source,
        "title": run.title,
        "created_ms": str(run.created_ms),
        "agents": json.dumps({agent.key: agent.to_json() for agent in run.agents}),
        "labels": json.dumps([stage.label for stage in run.stages]),
        "stage": str(stage),
        "stages": str(len(run.stages)),
        "is_sequential": str(int(run.is_sequential)),
        "fail_fast": str(int(run.fail_fast)),
        "skip_waiting_s": str(run.skip_waiting_s),
        "limit_s": str(run.limit_s),
        "extra_args": json.dumps(run.extra_args),
    }


def _job_fields(job: Job) -> dict[str, str]:
    always = {"state", "since_ms", "weight", "stage", "attempt", "attempt_no", "machine"}
    return {
        name: text for name, text in job.to_fields().items() if name in always or _DEFAULTS.get(name) != text
    }
