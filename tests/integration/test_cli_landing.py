"""``land`` as a person reads it; what the service says is made up by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.landing import ConflictFile, Landing, Outcome
from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import Json, StandIn, error, job, serving


@pytest.fixture
def person(short_path: Path, environment: dict[str, str], settings: Settings) -> Person:
    """Somebody at home, with an instance of their own."""
    return Person(short_path / "home", environment)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    """What answers them."""
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def landing(number: int, **fields: Any) -> Json:
    """A landing as the API shows it."""
    made = Landing(id=f"id-{number}", job=number, line="k", label="main of shop", remote="origin", **fields)
    return made.to_json()


def _one_after_another(*landings: Json) -> Callable[[Json], Json]:
    """An answer that is another one each time, and there is none after the last."""
    left = iter(landings)
    return lambda _: {"landing": next(left)}


def _answer(*landings: Json) -> Json:
    return {"v": 1, "landings": list(landings), "problems": []}


def test_of_several_each_place_in_line_is_said_once_and_read_once(person: Person, service: StandIn) -> None:
    numbers = (1, 2, 3)
    waiting = {number: landing(number, place=number) for number in numbers}
    over = {n: landing(n, outcome=Outcome.LANDED, steps=("ok merged into main",)) for n in numbers}
    service.answers["POST /jobs/land"] = _answer(*waiting.values())
    service.answers["POST /jobs/find"] = {"v": 1, "jobs": [job(number, "review") for number in numbers]}
    for number in numbers:
        service.answers[f"GET /jobs/{number}/landing"] = _one_after_another(waiting[number], over[number])
    service.emit(
        job(3, "review", landing="second in line for main of shop"),
        *(job(number, "review", landing="landed on origin/main") for number in numbers),
    )

    done = person.types("land", "1", "2", "3", "-y")

    assert done.err.splitlines() == [
        "#2 number 2 in line for main of shop",
        "#3 number 3 in line for main of shop",
    ]
    assert done.out.splitlines() == [f"#{number} ok merged into main" for number in numbers]
    assert done.code == 0


def test_a_machine_that_does_not_answer_is_waited_for(person: Person, service: StandIn) -> None:
    over = landing(7, outcome=Outcome.LANDED, steps=("ok merged into main",))
    answers = iter([error("external", "h2 does not answer"), {"landing": over}])
    service.answers["POST /jobs/land"] = _answer(landing(7, place=1))
    service.answers["POST /jobs/find"] = {"v": 1, "jobs": [job(7, "review")]}
    service.answers["GET /jobs/7/landing"] = lambda _: next(answers)
    service.emit(job(7, "review"), job(7, "landed"))

    done = person.types("land", "7", "-y")

    assert done.err == "h2 does not answer: the landing goes on once it does\n"
    assert (done.out, done.code) == ("ok merged into main\n", 0)


def test_a_conflict_is_told_with_both_sides_before_what_comes_next(person: Person, service: StandIn) -> None:
    file = ConflictFile(path="a.py", ours=("1f2e3d4 theirs (Bob)",), theirs=("5a6b7c8 mine (Ada)",))
    problem = "a.py conflicts with 3f2a9c1: nothing was changed\nits agent resolves it now: aios wait 7"
    ended = landing(7, outcome=Outcome.CONFLICT, resolves=True, problem=problem, conflicts=(file,))
    service.answers["POST /jobs/land"] = _answer(ended)

    done = person.types("land", "7", "--resolve")

    assert done.err.splitlines() == [
        "a.py conflicts with 3f2a9c1: nothing was changed",
        "  a.py",
        "    base 1f2e3d4 theirs (Bob)",
        "    job  5a6b7c8 mine (Ada)",
        "its agent resolves it now: aios wait 7",
    ]
    assert done.code == 3


@pytest.mark.parametrize(
    ("outcome", "code", "step"),
    [
        (Outcome.FAILED, 4, "aios land 7 tries again   aios pr 7 leaves it to a pull request"),
        (Outcome.RED, 1, "aios attach 7   aios send 7 TEXT   then aios land 7"),
        (Outcome.CONFLICT, 3, "aios land 7 --resolve (its agent resolves it)   aios attach 7"),
    ],
)
def test_what_did_not_land_says_why_and_what_to_type(
    person: Person, service: StandIn, outcome: Outcome, code: int, step: str
) -> None:
    service.answers["POST /jobs/land"] = _answer(landing(7, outcome=outcome, problem="because"))

    done = person.types("land", "7")

    assert (done.code, done.out, done.err.splitlines()) == (code, "", ["because", f"next: {step}"])


def test_who_says_no_is_told_that_nothing_was_done(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/land"] = {"v": 1, "question": "Land 2 jobs?", "names": ["land #1", "land #2"]}

    done = person.types_on_a_terminal("land", "1", "2", answer="n\n")

    assert done.code == 1
    assert done.out.endswith("Land 2 jobs? [Y/n] nothing was done\n")
    assert len(service.requests) == 1
