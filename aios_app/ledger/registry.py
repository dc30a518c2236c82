"""The machines of the cluster: who they are, where their nodes answer, and whether they are there."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Collection, Mapping
from typing import Any

from aios_app.domain.machines import SILENT_MS, YOUNG_MS, Machine, MachineState, client_name
from aios_app.ledger import keys
from aios_app.ledger.connection import redis_errors
from aios_app.ledger.members import Members

#: Of the facts of a machine.
_NUMBERS = ("cores", "load", "memory_bytes", "available_bytes")
_MOST_DIGITS = 15
_MAX_PORT = 65535


class Registry:
    """What each machine says of itself, and what a person wants of it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - of connect()
        self._redis = client
        self.members = Members(client)

    def known(self) -> list[Machine]:
        """The machines of the cluster by name; those that were removed are left out."""
        with redis_errors():
            ids = self._redis.smembers(keys.MACHINES)
        machines = self._known(ids, is_alone=len(ids) < 2)
        return sorted(machines, key=lambda machine: (machine.name, machine.id))

    def find(self, machine: str) -> Machine | None:
        """The machine with this id, also one that was removed."""
        with redis_errors():
            ids = self._redis.smembers(keys.MACHINES)
            if machine in ids:
                return self._known([machine], is_alone=len(ids) < 2)[0]
            data = self._redis.hgetall(keys.machine(machine))
        return _machine(machine, data, 0, is_there=False) if data else None

    def _known(self, ids: Collection[str], *, is_alone: bool) -> list[Machine]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.time()
            for machine in ids:
                pipe.hgetall(keys.machine(machine))
                pipe.scard(keys.machine(machine) + ":slots")
            time, *found = pipe.execute()
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        records = dict(zip(ids, zip(found[::2], found[1::2], strict=True), strict=True))
        old = [machine for machine, (data, _) in records.items() if not _is_young(data, now_ms)]
        is_cluster = not is_alone or any(data.get("beat_ms") for data, _ in records.values())
        connected = self.connected() if old and is_cluster else set(ids)
        if not is_alone:
            connected -= {machine for machine in old if _is_silent(records[machine][0], now_ms)}
        return [
            _machine(machine, data, slots, is_there=machine not in old or machine in connected)
            for machine, (data, slots) in records.items()
        ]

    def write(self, machine: str, **values: str | int) -> None:
        """Notes what a machine is; that it belongs to the cluster is up to ``Ledger.set_machine``."""
        with redis_errors():
            self._redis.hset(keys.machine(machine), mapping=dict(values))

    def beat(self, machine: str, **values: str | int) -> None:
        """A sign of life, with what has changed on the machine."""
        with redis_errors():
            seconds, _ = self._redis.time()
            pipe = self._redis.pipeline(transaction=True)
            pipe.hset(keys.machine(machine), mapping={"beat_ms": int(seconds) * 1000} | values)
            pipe.hdel(keys.machine(machine), "left_ms")
            pipe.execute()

    def leave(self, machine: str) -> None:
        """The machine stops, and says so."""
        with redis_errors():
            seconds, _ = self._redis.time()
            self._redis.hset(keys.machine(machine), "left_ms", int(seconds) * 1000)

    def remove(self, machine: str) -> None:
        """It is no machine of the cluster any more, and will be told so when it comes back.

        What it could show to the nodes of the others is worth nothing from then on.
        """
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.srem(keys.MACHINES, machine)
            pipe.hset(keys.machine(machine), "state", MachineState.REMOVED)
            pipe.hset(keys.META, "node_secret", secrets.token_urlsafe(32))
            pipe.execute()

    def count(self) -> int:
        """How many machines the cluster has."""
        with redis_errors():
            return int(self._redis.scard(keys.MACHINES))

    def owner(self) -> str:
        """The id of the machine that the ledger belongs to; empty where all have only joined it."""
        with redis_errors():
            return str(self._redis.hget(keys.META, "instance") or "")

    def last_numbers(self) -> tuple[int, int]:
        """The highest numbers of a run and of a job that were given."""
        with redis_errors():
            run, job = self._redis.hmget(keys.META, "last_run", "last_job")
        return int(run or 0), int(job or 0)

    def node_secret(self) -> str:
        """What one node shows to another, made by who asks first."""
        with redis_errors():
            self._redis.hsetnx(keys.META, "node_secret", secrets.token_urlsafe(32))
            return str(self._redis.hget(keys.META, "node_secret"))

    def connected(self) -> set[str]:
        """The machines whose worker has a connection now: it takes what is sent to it."""
        with redis_errors():
            names = {str(client["name"]) for client in self._redis.client_list()}
            ids = self._redis.smembers(keys.MACHINES)
        return {machine for machine in ids if client_name(machine) in names}


def _is_young(data: Mapping[str, str], now_ms: int) -> bool:
    return not data.get("left_ms") and now_ms - _number(data, "beat_ms") < YOUNG_MS


def _is_silent(data: Mapping[str, str], now_ms: int) -> bool:
    """Its connection may be what a server has not missed yet of a machine that was cut off."""
    beat_ms = _number(data, "beat_ms")
    return beat_ms > 0 and now_ms - beat_ms >= SILENT_MS


def _machine(machine: str, data: Mapping[str, str], slots: int, *, is_there: bool) -> Machine:
    last_ms = _number(data, "left_ms") or _number(data, "beat_ms") or 1
    return Machine(
        id=machine,
        name=data.get("name") or machine[:8],
        address=data.get("address", ""),
        port=port if (port := _number(data, "port")) <= _MAX_PORT else 0,
        certificate=data.get("certificate", ""),
        version=data.get("version", ""),
        messages=_number(data, "messages"),
        state=_state(data),
        max_agents=_number(data, "max_agents"),
        slots=slots,
        facts=_facts(data),
        beat_ms=_number(data, "beat_ms"),
        unreachable_ms=0 if is_there else last_ms,
    )


def _state(data: Mapping[str, str]) -> MachineState:
    with contextlib.suppress(ValueError):
        return MachineState(data.get("state", ""))
    return MachineState.ACTIVE


def _facts(data: Mapping[str, str]) -> dict[str, Any]:
    """What of the facts is as it should be: another machine wrote them."""
    with contextlib.suppress(ValueError, RecursionError):
        facts = json.loads(data.get("facts", ""))
        if isinstance(facts, dict):
            agents = facts.get("agents")
            told = agents.items() if isinstance(agents, dict) else ()
            numbers = {name: facts[name] for name in _NUMBERS if isinstance(facts.get(name), int | float)}
            return numbers | {"agents": {key: str(problem) for key, problem in told}}
    return {}


def _number(data: Mapping[str, str], name: str) -> int:
    text = data.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
