"""What a person has looked at in a review."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.domain.models import Job
from aios_app.services.context import Context
from aios_app.services.records import record


def put_off(ctx: Context, jobs: Sequence[Job]) -> list[Job]:
    """They come last in the next review."""
    now_ms = ctx.ledger.now_ms()
    for job in jobs:
        ctx.ledger.note(job.number, seen_ms=now_ms)
    return [record(ctx, job.number) for job in jobs]
