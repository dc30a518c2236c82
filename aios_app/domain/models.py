"""The nouns of AIOS as frozen values; a change is a new copy.

``Run`` is one command, ``Stage`` is what of it runs together, ``Job`` is one agent in one worktree. A job
has attempts (a UUID each) and turns. Times are milliseconds since the epoch, taken from Redis.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Any, Self


class JobState(enum.StrEnum):
    """The states of a job, in the words that every client shows."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    WAITING = "waiting"
    REVIEW = "review"
    LANDED = "landed"
    DROPPED = "dropped"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


#: Not begun or not over: the job still wants something of a machine.
LIVE_STATES = frozenset({JobState.QUEUED, JobState.PREPARING, JobState.RUNNING, JobState.WAITING})
#: An agent works, or waits for an answer in the middle of its turn.
ACTIVE_STATES = frozenset({JobState.PREPARING, JobState.RUNNING, JobState.WAITING})
#: Gone from the default list once the day is over.
SETTLED_STATES = frozenset({JobState.LANDED, JobState.DROPPED})


class Finishes(enum.StrEnum):
    """What tells that an agent is done."""

    EXIT = "exit"  #: its process ends
    TURN = "turn"  #: it says so itself, through the spool
    SILENCE = "silence"  #: its terminal shows nothing new for ``idle_after_s``
    NEVER = "never"  #: it is a program to look at, such as htop


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A git repository in the saved list. ``number`` is the person's handle and does not shift.

    It has a ``path`` on the machine ``machine_id``, or both are empty: then any machine clones ``url``.
    """

    uuid: str
    number: int
    name: str
    path: str
    machine_id: str
    url: str | None = None
    rev: int = 1
    tags: tuple[str, ...] = ()
    is_anywhere: bool = False  #: any machine may clone ``url``, also where there is a ``path``

    def to_json(self) -> dict[str, Any]:
        return _as_json(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A program that AIOS starts in a terminal.

    ``argv`` holds the command without the prompt; the module named by ``kind`` knows where the prompt goes.
    ``weight`` is what one process takes of ``max_agents``: 1, or 0 for plain programs such as htop.
    """

    uuid: str
    key: str
    name: str
    kind: str
    argv: tuple[str, ...]
    finishes: Finishes
    weight: int = 1
    idle_after_s: int = 30
    rev: int = 1

    @property
    def lane(self) -> str:
        """What its login and its quota belong to: all agents of one kind share them."""
        return self.name if self.kind == "generic" else self.kind

    def to_json(self) -> dict[str, Any]:
        return _as_json(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "argv": tuple(data["argv"]), "finishes": Finishes(data["finishes"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """So many of one agent, e.g. ``c:2``. ``agent`` is a key or a full name, as typed."""

    agent: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One agent in one worktree. Everything that a client shows of it stands here.

    ``attempt`` is the id of the newest attempt: the task id of its ``agent_spawn``, its name in the spool and
    the agent's ``AIOS_ATTEMPT``. Signals of another attempt are stale.
    """

    number: int
    run: int
    stage: int
    name: str  #: of the worktree's directory and of the tmux session; never parsed back
    branch: str
    project_id: str
    project: str
    path: str  #: the repository's root on its machine; empty: to be cloned there
    machine: str  #: empty: not placed yet, any machine may take it
    agent_key: str
    agent: str
    finishes: Finishes
    weight: int
    instance: int  #: counts the jobs of one agent in one project of the run, from 0
    title: str  #: the first line of the prompt
    created_ms: int
    state: JobState = JobState.QUEUED
    since_ms: int = 0  #: when it came into ``state``
    attempt: str = ""
    attempt_no: int = 1
    cause: str = ""  #: why it failed or stopped
    reason: str = ""  #: why it waits in the queue
    placed: str = ""  #: why it is on its machine; empty: it could be nowhere else
    question: str = ""  #: what a waiting agent asks
    note: str = ""  #: what a person should know, e.g. that the base could not be fetched
    base: str = ""  #: the base as asked for; empty: the project's own
    base_ref: str = ""  #: the base that was taken, e.g. origin/main
    base_sha: str = ""
    worktree: str = ""
    port: int = 0  #: first of the ten ports in AIOS_PORT
    started_ms: int = 0  #: when its agent first worked
    finished_ms: int = 0  #: when its first turn was over, or it failed or stopped
    turns: int = 0
    message: str = ""  #: the agent's last message
    files: int = 0
    added: int = 0
    removed: int = 0
    is_open: bool = False  #: its agent process and tmux session exist
    is_fresh: bool = True  #: False: the attempt goes on in a worktree that exists
    conversation: str = ""  #: the agent's own id of the conversation, to resume it
    transcript: str = ""  #: the file in which the agent keeps the conversation
    limit_s: int = 0
    has_begun: bool = False
    measured_ms: int = 0  #: when ``files``, ``added`` and ``removed`` were taken
    is_in_place: bool = False  #: ``worktree`` is the person's own directory: no branch, nothing is removed
    prompts: int = 0  #: how many prompts its agent said that it took
    lane: str = ""  #: whose jobs are staggered, limited and parked together: codex, claude, an agent's name
    tokens_in: int = 0  #: what was sent to the model, with what it had cached
    tokens_cached: int = 0
    tokens_out: int = 0
    cost_usd: str = ""  #: as its agent says; empty where that says nothing of money
    usage: str = ""  #: the same per conversation, as JSON
    commits: int = 0  #: its commits that the base has not; taken with ``files``
    check: str = (
        ""  #: of the project's check in its worktree: ``queued``, ``running``, ``passed``, ``failed``
    )
    check_command: str = ""  #: the command that ``check`` is of
    check_ms: int = 0  #: how long the check took
    landing: str = ""  #: its place in line, what its landing does now, or what came of it, in words
    landed_ref: str = ""  #: where its work was seen to have landed, e.g. origin/main
    landed_from: str = ""  #: the commit of ``landed_ref`` before; ``landed_from..landed_sha`` is what landed
    landed_sha: str = ""
    undone_sha: str = ""  #: the commit of ``landed_ref`` that took it back
    pull_request: str = ""  #: address
    seen_ms: int = 0  #: when a person put it off in a review
    wip: str = ""  #: the commit of its unfinished work that origin has under ``refs/aios/wip/``
    step: int = 0  #: of a job of steps, the one that it has come to, from 1
    progress: str = ""  #: the same in words: ``2/3: Show status``

    def to_json(self) -> dict[str, Any]:
        return _as_json(self)

    def to_fields(self) -> dict[str, str]:
        """The job as a Redis hash; ``from_fields`` is its inverse."""
        return {f.name: _field_text(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of ``to_json``; unknown names are left out."""
        return cls.from_fields({name: _field_text(value) for name, value in data.items()})

    @classmethod
    def from_fields(cls, data: dict[str, str]) -> Self:
        """Unknown fields are left out, so that an older program reads a newer ledger."""
        return cls(**{f.name: _FIELD_TYPES[f.type](data[f.name]) for f in fields(cls) if f.name in data})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Jobs that run together; the next stage opens when all of these have finished."""

    index: int
    label: str
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one command started, with its whole future in it."""

    number: int
    source: str
    title: str
    created_ms: int
    stages: tuple[Stage, ...] = ()
    agents: tuple[Agent, ...] = ()  #: as they were when the run was planned
    is_sequential: bool = False
    fail_fast: bool = False
    skip_waiting_s: int = 0
    limit_s: int = 0
    extra_args: tuple[str, ...] = field(default=())

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(job for stage in self.stages for job in stage.jobs)

    def agent(self, key: str) -> Agent:
        return next(agent for agent in self.agents if agent.key == key)


def _field_text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _as_json(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the dataclasses above
    data = {f.name: getattr(value, f.name) for f in fields(value)}
    return {name: list(item) if isinstance(item, tuple) else item for name, item in data.items()}


_FIELD_TYPES: dict[Any, Any] = {
    "str": str,
    "int": int,
    "bool": lambda text: text == "1",
    "JobState": JobState,
    "Finishes": Finishes,
}
