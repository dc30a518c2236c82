"""What came of jobs, added up by project and agent. Jobs are in the API's shape: records on disk are too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

_STATES = ("review", "failed", "landed", "dropped")
_TOKENS = ("tokens_in", "tokens_cached", "tokens_out")


def add_up(jobs: Iterable[Mapping[str, Any]], *, since_ms: int = 0) -> list[dict[str, Any]]:
    """One row per project and agent of the jobs that were planned since then.

    ``work_ms`` is the time of those that have finished. ``cost_usd`` is what the agents said of money, empty
    where they said nothing.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for job in jobs:
        if job.get("created_ms", 0) >= since_ms:
            groups.setdefault((job["project"], job["agent"]), []).append(job)
    return [
        {"project": project, "agent": agent, **_sums(group)}
        for (project, agent), group in sorted(groups.items())
    ]


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


def _work_ms(job: Mapping[str, Any]) -> int:
    started, finished = job.get("started_ms", 0), job.get("finished_ms", 0)
    return max(0, finished - started) if started and finished else 0


def _money(rows: list[Mapping[str, Any]]) -> str:
    told = [Decimal(row["cost_usd"]) for row in rows if row.get("cost_usd")]
    return str(sum(told, Decimal(0))) if told else ""
