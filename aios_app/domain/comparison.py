"""Which of several jobs did the same task best, as far as that can be told without reading their code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aios_app.domain.models import Job, JobState

_CHECKS: Mapping[str, int] = {"passed": 0, "failed": 2}
_NO_CHECK = 1


def ranked(jobs: Iterable[Job]) -> list[Job]:
    """Best first.

    Those with a change, then those whose check passed, then those without a check, then those whose check
    failed; among these the ones in review, with the smaller change, that were quicker.
    """
    return sorted(jobs, key=_rank)


def work_ms(job: Job) -> int:
    """How long its first turn took; 0 where it has not ended."""
    return max(job.finished_ms - job.started_ms, 0) if job.started_ms else 0


def _rank(job: Job) -> tuple[bool, int, bool, int, int, int]:
    return (
        job.files == 0,
        _CHECKS.get(job.check, _NO_CHECK),
        job.state is not JobState.REVIEW,
        job.added + job.removed,
        work_ms(job),
        job.number,
    )
