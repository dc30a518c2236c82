from __future__ import annotations

from dataclasses import replace

from aios_app.domain.models import JobState
from aios_app.domain.news import event_of, headline
from aios_app.domain.statistics import add_up, total
from tests.jobs import make_job

JOB = make_job(4)
WAITING = replace(JOB, state=JobState.WAITING, question="Proceed?")
FAILED = replace(JOB, number=5, state=JobState.FAILED, cause="exited 1")


def test_one_message_tells_who_waits_and_who_failed() -> None:
    assert headline([WAITING]) == "1 waits: #4 shop asks: Proceed?"
    assert (
        headline([WAITING, FAILED]) == "1 waits, 1 failed: #4 shop asks: Proceed?; #5 shop failed: exited 1"
    )
    assert event_of([FAILED]) == "failed"
    assert event_of([FAILED, WAITING]) == "waiting,failed"


def test_a_storm_is_counted() -> None:
    message = headline([replace(FAILED, number=number) for number in range(1, 101)])

    assert message.startswith("100 failed: #1 shop failed: exited 1; ")
    assert message.endswith("; and 95 more")


def test_what_agents_say_cannot_steer_a_terminal_or_fill_it() -> None:
    message = headline([replace(WAITING, question="\x1b]0;x\x07\nrm -rf\u202e " * 99)])

    assert message.isprintable()
    assert len(message) < 120


def test_statistics_add_up_by_project_and_agent() -> None:
    done = replace(
        JOB,
        state=JobState.REVIEW,
        started_ms=2_000,
        finished_ms=5_000,
        tokens_in=100,
        tokens_out=7,
        cost_usd="0.1",
    )
    jobs = [done, replace(done, cost_usd="0.2"), FAILED, replace(done, agent="claude", cost_usd="")]

    rows = add_up(job.to_json() for job in jobs)

    assert [(row["agent"], row["jobs"], row["review"], row["failed"], row["work_ms"]) for row in rows] == [
        ("claude", 1, 1, 0, 3_000),
        ("codex", 3, 2, 1, 6_000),
    ]
    assert [(row["tokens_in"], row["cost_usd"]) for row in rows] == [(100, ""), (200, "0.3")]
    assert total(rows)["tokens_out"] == 21
    assert total(rows)["cost_usd"] == "0.3"


def test_statistics_of_some_days_leave_out_what_is_older() -> None:
    assert add_up([JOB.to_json()], since_ms=1_001) == []


def test_statistics_are_by_run_or_by_day_too() -> None:
    other = replace(JOB, run=JOB.run + 1, created_ms=JOB.created_ms + 2 * 86_400_000)

    runs = add_up([JOB.to_json(), other.to_json()], by="run")
    days = add_up([JOB.to_json(), other.to_json()], by="day")

    assert [row["run"] for row in runs] == [JOB.run, JOB.run + 1]
    assert [row["jobs"] for row in days] == [1, 1]
    assert days[0]["day"] < days[1]["day"]
