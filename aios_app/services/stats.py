"""What came of the jobs of some days, and what it cost."""

from __future__ import annotations

from typing import Any

from aios_app.domain.models import JobState
from aios_app.domain.statistics import add_up
from aios_app.services.context import Context

_DAY_MS = 86_400_000


def show_stats(ctx: Context, *, days: int | None) -> dict[str, Any]:
    """By project and agent, the jobs planned in the last ``days`` days, or ever."""
    since_ms = ctx.ledger.now_ms() - days * _DAY_MS if days is not None else 0
    jobs = (job.to_json() for job in ctx.ledger.jobs_in(JobState))
    return {"days": days, "rows": add_up(jobs, since_ms=since_ms)}
