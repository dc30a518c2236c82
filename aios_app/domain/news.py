"""What is told to a person who looks elsewhere, in one message."""

from __future__ import annotations

from collections.abc import Sequence

from aios_app.domain.models import Job, JobState

#: More jobs than these are only counted.
_NAMED = 5
_WORDS_CHARS = 80


def headline(jobs: Sequence[Job]) -> str:
    """``2 wait, 1 failed: #4 shop asks: Proceed?; ...``, on one line that cannot steer a terminal."""
    waiting = sum(job.state is JobState.WAITING for job in jobs)
    failed = len(jobs) - waiting
    counts = [f"{waiting} wait{'s' * (waiting == 1)}"] * bool(waiting) + [f"{failed} failed"] * bool(failed)
    named = [_line(job) for job in jobs[:_NAMED]]
    more = [f"and {len(jobs) - _NAMED} more"] * (len(jobs) > _NAMED)
    return f"{', '.join(counts)}: {'; '.join(named + more)}"


def event_of(jobs: Sequence[Job]) -> str:
    """``waiting``, ``failed`` or, where there are both, ``waiting,failed``."""
    states = {job.state for job in jobs}
    return ",".join(str(state) for state in (JobState.WAITING, JobState.FAILED) if state in states)


def _line(job: Job) -> str:
    waits = job.state is JobState.WAITING
    words = _plain(job.question if waits else job.cause)
    return f"#{job.number} {_plain(job.project)} {'asks' if waits else 'failed'}" + (
        f": {words}" if words else ""
    )


def _plain(text: str) -> str:
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    return line if len(line) <= _WORDS_CHARS else line[: _WORDS_CHARS - 1] + "…"
