from __future__ import annotations

from typing import Any

import pytest

from aios_app.cli.job_lines import change, clock, duration, job_lines, tally
from aios_app.cli.output import cells

Json = dict[str, Any]


def _job(number: int = 7, state: str = "review", **changes: Any) -> Json:
    job = {
        "number": number,
        "state": state,
        "project": "shop",
        "agent": "codex",
        "title": "fix the login redirect",
    }
    return {**job, "since_ms": 0, "started_ms": 1_000, "finished_ms": 181_000, **changes}


def test_a_job_in_review_shows_time_and_size_of_its_work() -> None:
    (line,) = job_lines([_job(files=2, added=14, removed=3)], 999_000)

    assert line == '#7 review     shop  codex  3m +14 -3 "fix the login redirect"'


def test_a_checked_job_shows_what_came_of_it() -> None:
    lines = job_lines(
        [_job(files=1, added=14, removed=3, check=check) for check in ("passed", "failed", "running", "")], 0
    )

    assert [line.split("-3")[1] for line in lines] == [
        ' ok  "fix the login redirect"',
        ' red "fix the login redirect"',
        ' ... "fix the login redirect"',
        '     "fix the login redirect"',
    ]


def test_a_job_in_line_for_landing_says_so() -> None:
    lines = job_lines([_job(landing="third in line for main of shop")], 0)

    assert lines[1] == "    landing: third in line for main of shop"


def test_a_job_without_a_change_says_so() -> None:
    (measured,) = job_lines([_job(base_sha="3f2a9c1", measured_ms=1, since_ms=1)], 0)
    (not_yet,) = job_lines([_job(base_sha="3f2a9c1", measured_ms=0, since_ms=1)], 0)

    assert " no change " in measured
    assert "no change" not in not_yet


@pytest.mark.parametrize("field", ["title", "project", "agent", "question", "cause", "note", "reason"])
def test_no_line_is_wider_than_the_terminal_or_steers_it(field: str) -> None:
    hostile = "\x1b[2J世界 " * 40 + "\n\r"

    lines = job_lines(
        [_job() | {field: hostile}, _job(1234, "preparing", files=1, added=12345, removed=9999)], 0
    )

    assert all(cells(line) <= 80 for line in lines)
    assert all(line.isprintable() for line in lines)


def test_columns_stand_under_one_another() -> None:
    lines = job_lines(
        [_job(7, title="one"), _job(123, "running", project="a-long-name", title="two")], 60_000
    )

    assert lines[0].index("codex") == lines[1].index("codex")
    assert lines[0].index('"one"') == lines[1].index('"two"')


def test_only_what_a_person_should_know_has_a_second_line() -> None:
    lines = job_lines(
        [_job(), _job(8, "waiting", question="Overwrite?"), _job(9, "queued", reason="after api")], 0
    )

    assert [line for line in lines if line.startswith("    ")] == [
        "    asks: Overwrite?",
        "    waits: after api",
    ]


def test_wide_shows_base_branch_and_worktree() -> None:
    job = _job(
        base_ref="origin/main", base_sha="3f2a9c1deadbeef", branch="aios/7-fix", worktree="/w/7", attempt_no=2
    )

    lines = job_lines([job], 0, is_wide=True)

    assert "    base     origin/main 3f2a9c1" in lines
    assert "    worktree /w/7" in lines
    assert "    attempt  2" in lines


def test_wide_cuts_no_cause() -> None:
    cause = f"branch aios/7-fix exists already in /home/ada/{'deep/' * 30}shop: rename it"

    assert f"    because: {cause}" in job_lines([_job(state="failed", cause=cause)], 0, is_wide=True)


@pytest.mark.parametrize(
    ("ms", "text"), [(4_999, "4s"), (61_000, "1m"), (7_300_000, "2h"), (200_000_000, "2d")]
)
def test_durations_have_one_unit(ms: int, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(("ms", "text"), [(192_000, "3:12"), (3_792_000, "1:03:12")])
def test_a_clock_has_seconds(ms: int, text: str) -> None:
    assert clock(ms) == text


def test_a_change_is_known_only_where_there_is_one() -> None:
    assert change(_job(state="running", files=0)) == ""
    assert change(_job(state="failed", files=1, added=1, removed=0)) == "+1 -0"


def test_a_tally_counts_the_states() -> None:
    assert tally([_job(1, "running"), _job(2, "queued"), _job(3, "running")]) == "2 running  1 queued"
