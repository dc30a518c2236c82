"""What came of jobs, added up. Jobs are in the API's shape: records on disk are too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

_STATES = ("review", "failed", "landed", "dropped")
_TOKENS = ("tokens_in", "tokens_cached", "tokens_out")


#: What rows can be of, beside their agent.
GROUPS = ("project", "run", "day")


def add_up(
    jobs: Iterable[Mapping[str, Any]], *, since_ms: int = 0, by: str = "project"
) -> list[dict[str, Any]]:
    """One row per agent and project, run or (local) day of the jobs that were planned since then.

    ``work_ms`` is the time of those that have finished. ``cost_usd`` is what the agents said of money, empty
    where they said nothing.
    """
    groups: dict[tuple[Any, str], list[Mapping[str, Any]]] = {}
    for job in jobs:
        if job.get("created_ms", 0) >= since_ms:
            key = _day(job) if by == "day" else job[by]
            groups.setdefault((key, job["agent"]), []).append(job)
    return [{by: key, "agent": agent, **_sums(group)} for (key, agent), group in sorted(groups.items())]


def total(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of these rows."""
    every = list(rows)
    names = ("jobs", *_STATES, "work_ms", *_TOKENS)
    return {name: sum(row[name] for row in every) for name in names} | {"cost_usd": _money(every)}


def _sums(jobs: list[Mapping[str, Any]]) -> dict[str, Any]:
    states = [job.get("state") for job in jobs]
    return {
        "jobs": len(jobs),
        **{state: states.count(state) for state in _STATES},
        "work_ms": sum(map(_work_ms, jobs)),
        **{name: sum(job.get(name, 0) for job in jobs) for name in _TOKENS},
        "cost_usd": _money(jobs),
    }


def _day(job: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(job.get("created_ms", 0) / 1000).astimezone().date().isoformat()


def _work_ms(job: Mapping[str, Any]) -> int:
    started, finished = job.get("started_ms", 0), job.get("finished_ms", 0)
    return max(0, finished - started) if started and finished else 0


def _money(rows: list[Mapping[str, Any]]) -> str:
    told = [Decimal(row["cost_usd"]) for row in rows if row.get("cost_usd")]
    return str(sum(told, Decimal(0))) if told else ""
