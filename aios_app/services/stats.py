"""What came of the jobs of some days, and what it cost."""

from __future__ import annotations

from typing import Any

from aios_app.domain.models import JobState
from aios_app.domain.statistics import GROUPS, add_up
from aios_app.services.context import Context

__all__ = ["GROUPS", "show_stats"]

_DAY_MS = 86_400_000


def show_stats(ctx: Context, *, days: int | None, by: str) -> dict[str, Any]:
    """By agent and project, run or day, the jobs planned in the last ``days`` days, or ever."""
    since_ms = ctx.ledger.now_ms() - days * _DAY_MS if days is not None else 0
    jobs = (job.to_json() for job in ctx.ledger.jobs_in(JobState))
    return {"days": days, "by": by, "rows": add_up(jobs, since_ms=since_ms, by=by)}
