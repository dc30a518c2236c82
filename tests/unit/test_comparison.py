from __future__ import annotations

from typing import Any

from aios_app.domain.comparison import ranked, work_ms
from aios_app.domain.models import Job, JobState
from tests.jobs import make_job


def _job(number: int, **changes: Any) -> Job:
    return make_job(number, **{"files": 1, "added": 10, "state": JobState.REVIEW} | changes)


def _order(*jobs: Job) -> list[int]:
    return [job.number for job in ranked(jobs)]


def test_a_check_that_passed_stands_before_none_and_none_before_one_that_failed() -> None:
    jobs = [_job(1, check="failed"), _job(2), _job(3, check="passed", added=999)]

    assert _order(*jobs) == [3, 2, 1]


def test_a_check_that_is_not_over_counts_as_none() -> None:
    assert _order(_job(1, check="running", added=20), _job(2), _job(3, check="failed")) == [2, 1, 3]


def test_what_has_no_change_stands_last_also_behind_a_failed_check() -> None:
    assert _order(_job(1, files=0, added=0), _job(2, check="failed")) == [2, 1]


def test_jobs_in_review_stand_before_those_that_work_or_failed() -> None:
    jobs = [_job(1, state=JobState.RUNNING), _job(2, state=JobState.FAILED, added=1), _job(3, added=99)]

    assert _order(*jobs) == [3, 2, 1]


def test_the_smaller_change_then_the_quicker_then_the_older_stands_first() -> None:
    slow = {"started_ms": 1_000, "finished_ms": 9_000}
    quick = {"started_ms": 1_000, "finished_ms": 2_000}

    assert _order(_job(1, removed=5), _job(2, **slow), _job(4, **quick), _job(3, **quick)) == [3, 4, 2, 1]


def test_the_time_of_work_that_has_not_ended_is_not_known() -> None:
    assert [
        work_ms(_job(1)),
        work_ms(_job(1, started_ms=5)),
        work_ms(_job(1, started_ms=5, finished_ms=9)),
    ] == [
        0,
        0,
        4,
    ]
