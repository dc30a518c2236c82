"""A job as tests have it, where most of it does not matter."""

from __future__ import annotations

from typing import Any

from aios_app.domain.models import Finishes, Job


def make_job(number: int = 1, **changes: Any) -> Job:
    """A job of codex in the project shop."""
    fields: dict[str, Any] = {
        "run": 1,
        "stage": 0,
        "name": f"shop-codex-20261120-063900-all-0-j{number}",
        "branch": f"aios/{number}-fix-it",
        "project_id": "p1",
        "project": "shop",
        "path": "/code/shop",
        "machine": "m1",
        "agent_key": "c",
        "agent": "codex",
        "finishes": Finishes.TURN,
        "weight": 1,
        "instance": 0,
        "title": "fix it",
        "created_ms": 1_000,
    }
    return Job(number=number, **fields | changes)
