"""Count what a job's conversations cost, as its agent's transcripts tell it."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

from aios_app.agents import Usage, module_for
from aios_app.domain.models import Job
from aios_app.services.context import Context

logger = logging.getLogger(__name__)


def count_tokens(ctx: Context, job: Job) -> None:
    """Brings the job's tokens up to date: those of all its conversations, also of earlier attempts."""
    usage = _read(ctx, job)
    if usage is None:
        return
    known: dict[str, list[Any]] = json.loads(job.usage or "{}")
    known[job.conversation] = [usage.input, usage.cached, usage.output, _text(usage.cost_usd)]
    counts = [sum(entry[place] for entry in known.values()) for place in range(3)]
    costs = [Decimal(entry[3]) for entry in known.values() if entry[3]]
    ctx.ledger.note(
        job.number,
        tokens_in=counts[0],
        tokens_cached=counts[1],
        tokens_out=counts[2],
        cost_usd=_text(sum(costs, Decimal(0)) if costs else None),
        usage=json.dumps(known),
    )


def _text(cost: Decimal | None) -> str:
    return "" if cost is None else str(cost)


def _read(ctx: Context, job: Job) -> Usage | None:
    """None where there is no transcript, or nothing in it yet."""
    if not job.transcript:
        return None
    agent = ctx.ledger.run_agent(job.run, job.agent_key)
    try:
        with Path(job.transcript).open(encoding="utf-8", errors="replace") as lines:
            usage = module_for(agent).usage(lines)
    except OSError as error:
        logger.info("no transcript", extra={"job_id": job.number, "cause": str(error)})
        return None
    return usage if usage.input or usage.output else None
