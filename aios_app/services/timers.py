"""Time limits of attempts. The worker of a machine arms one timer, for the limit that is due first."""

from __future__ import annotations

from aios_app.domain.specs import parse_duration
from aios_app.services.context import Context

#: The login shell did not get to the agent.
LAUNCH = "launch"
#: The project's setup command runs too long.
SETUP = "setup"
#: The person's own limit for the job.
LIMIT = "limit"
#: The job waits for an answer, or for its machine, longer than its stage may.
SKIP = "skip"
#: The agent has rested at its prompt for long.
IDLE = "idle"
#: An agent that speaks by its hooks has not said yet that it works.
START = "start"
START_S = 5.0
#: Something failed in an agent that may try again, or it stopped without a word.
REST = "rest"
REST_S = 3.0
#: The session is gone and its wrapper has not said yet how the agent ended.
GONE = "gone"
#: The attempt's lane lets its agent start.
TURN = "turn"
#: What an agent writes down of its turn after it said that it is over.
TOKENS = "tokens"
TOKENS_S = 2.0

ALL_TIMERS = (LAUNCH, SETUP, LIMIT, SKIP, IDLE, START, REST, GONE, TURN, TOKENS)

#: Of a lane, not of an attempt: its next job may begin, its rate limit is over.
STAGGER, LANE = "stagger", "lane"
#: Of a line of landings: its head must have gone on by then. Set in ``ledger/lua/line_prelude.lua``.
LINE = "line"
#: Of the machine: what was collected is announced.
NEWS = "news"
#: Of the machine: it is time to look for a newer AIOS.
UPDATE = "update"


def set_timer(ctx: Context, kind: str, attempt: str, after_s: float) -> None:
    """Sets, or moves, one limit of the attempt; the worker's clock thread learns of it from the ledger."""
    due_ms = ctx.ledger.now_ms() + int(after_s * 1000)
    ctx.ledger.set_timer(ctx.machine, kind, attempt, due_ms)
    ctx.alarm.set()


def set_idle_timer(ctx: Context, attempt: str) -> None:
    """The agent rests from now on: it is closed after ``idle_close`` unless a prompt comes before."""
    set_timer(ctx, IDLE, attempt, parse_duration(ctx.catalog.get("idle_close")))
