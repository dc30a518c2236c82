"""``compare`` and ``review`` as a person reads them; what the service says is made up by the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.cli.output import cells
from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, Json, StandIn, job, serving

_HOSTILE = "\x1b[2J世界\r\n" * 60


@pytest.fixture
def person(short_path: Path, environment: dict[str, str], settings: Settings) -> Person:
    """Somebody at home, with an instance of their own."""
    return Person(short_path / "home", environment)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    """What answers them."""
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def candidate(number: int, **changes: object) -> Json:
    """A job in review with a change."""
    change = {"files": 2, "added": 14, "removed": 3, "commits": 1, "conflicts": []}
    times = {"started_ms": NOW_MS, "finished_ms": NOW_MS + 192_000}
    return job(number, "review", **{**change, **times, **changes})


def compared(*candidates: Json) -> Json:
    """The answer for candidates of one project."""
    return {"v": 1, "now_ms": NOW_MS, "groups": [{"project": "shop", "candidates": list(candidates)}]}


def test_candidates_stand_side_by_side_with_what_to_do_next(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/compare"] = compared(
        candidate(2, check="passed", tokens_in=130_000, tokens_out=4_000, message="Fixed."),
        candidate(1, check="failed", conflicts=["a.py", "b.py"]),
        job(3, "running", started_ms=NOW_MS - 5_000, conflicts=[]),
    )

    done = person.types("compare", "r1")

    assert done.out.splitlines() == [
        'shop  "fix it"',
        "     state    agent  check  files  change  commits  time  tokens",
        " #2  review   codex  ok     2      +14 -3  1        3:12  134k",
        '     "Fixed."',
        " #1  review   codex  red    2      +14 -3  1        3:12  -",
        "     would conflict with its base in a.py, b.py",
        " #3  running  codex  -      -      -       -        0:05  -",
        "next: aios diff 2   aios pick 2",
    ]
    assert done.code == 0


def test_one_candidate_alone_is_landed_and_none_without_a_change(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/compare"] = compared(candidate(2))
    assert person.types("compare", "2").out.endswith("next: aios diff 2   aios land 2\n")

    service.answers["POST /jobs/compare"] = compared(job(2, "review", conflicts=[]))
    assert "next:" not in person.types("compare", "2").out


def test_no_line_is_wider_than_the_terminal_or_steers_it(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/compare"] = compared(
        candidate(123_456, message=_HOSTILE, conflicts=[_HOSTILE], title=_HOSTILE, agent="a" * 40),
        candidate(2, tokens_in=123_456_789, started_ms=1, title=_HOSTILE, cause=_HOSTILE),
    )

    lines = person.types("compare", "r1").out.splitlines()

    assert all(line.isprintable() and cells(line) <= 80 for line in lines)


def test_a_job_that_was_put_off_and_a_person_s_own_directory_are_no_next_in_a_review(
    person: Person, service: StandIn
) -> None:
    jobs = [
        candidate(1, seen_ms=NOW_MS),
        candidate(2, is_in_place=True),
        job(3, "running"),
        candidate(4, since_ms=NOW_MS + 1),
        candidate(5),
    ]
    service.answers["GET /jobs?scope=all&run=1"] = {"v": 1, "now_ms": NOW_MS, "jobs": jobs}
    service.answers["POST /jobs/diff"] = {"v": 1, "text": "", "files": [], "titles": [], "left_out": 0}

    done = person.types_on_a_terminal("review", "r1", answer="q\n", NO_COLOR="1")

    assert "── #5 shop codex   3 left ─" in done.out
    assert done.out.endswith("left for the next time: 3\n")
    assert done.code == 0


def test_nothing_of_a_job_steers_the_terminal_of_a_review(person: Person, service: StandIn) -> None:
    hostile = dict.fromkeys(("title", "message", "note", "landing", "check_command", "agent"), _HOSTILE)
    one = candidate(1, check="failed", **hostile)
    service.answers["GET /jobs"] = {"v": 1, "now_ms": NOW_MS, "jobs": [one]}
    service.answers["GET /jobs/1/log?of=check"] = {"v": 1, "job": one, "source": "check", "text": _HOSTILE}
    diff = {"v": 1, "text": f"+{_HOSTILE}", "files": [{"path": "a"}], "titles": [_HOSTILE], "left_out": 0}
    service.answers["POST /jobs/diff"] = diff

    done = person.types_on_a_terminal("review", answer="q\n", NO_COLOR="1", PAGER="cat")

    assert "\x1b" not in done.out
    assert done.out.endswith("left for the next time: 1\n")


def test_an_empty_review_says_so(person: Person, service: StandIn) -> None:
    service.answers["GET /jobs"] = {"v": 1, "now_ms": NOW_MS, "jobs": []}

    done = person.types_on_a_terminal("review")

    assert (done.code, done.out) == (0, "nothing is in review\n")


def test_what_is_refused_is_said_and_asked_again(person: Person, service: StandIn) -> None:
    service.answers["GET /jobs"] = {"v": 1, "now_ms": NOW_MS, "jobs": [job(1, "review")]}
    refused = {"kind": "conflict", "type": "NotNow", "message": "#1 is about to land"}
    service.answers["POST /jobs/drop"] = {"v": 1, "error": refused}

    done = person.types_on_a_terminal("review", answer="d\nq\n", NO_COLOR="1")

    assert "#1 is about to land\n#1 [l]and" in done.out
