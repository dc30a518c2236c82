"""What has happened to a job, as far back as the ledger remembers."""

from __future__ import annotations

from typing import Any

from aios_app.domain.errors import UnknownJob
from aios_app.domain.events import Event
from aios_app.services.context import Context

_MOST = 200


def show_events(ctx: Context, *, number: int) -> dict[str, Any]:
    """Its newest events, oldest first. Those of all jobs share one bounded stream: old ones are gone."""
    job = ctx.ledger.job(number)
    if job is None:
        raise UnknownJob(f"there is no job {number}: see aios jobs --all")
    events = ctx.ledger.job_events(number, since_ms=job.created_ms, limit=_MOST)
    return {"events": [_shown(event) for event in events]}


def _shown(event: Event) -> dict[str, Any]:
    at_ms = int(event.id.partition("-")[0])
    return {"id": event.id, "at_ms": at_ms, "kind": event.kind, "state": event.state}
