"""What the event stream carries. Events are notices: the ledger is the truth, and clients read it again."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class EventKind(enum.StrEnum):
    """The kinds of event."""

    JOB = "job"  #: a job came into a state, or something shown of it changed
    RUN = "run"  #: a run was started


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the stream. ``id`` orders events and lets a reader go on where it stopped."""

    id: str
    kind: EventKind
    run: int
    job: int
    state: str
