"""Projects on machines, and where jobs are, as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, Json, StandIn, job, serving

MACHINES = [{"id": "m1", "name": "box", "unreachable_ms": 0}, {"id": "m2", "name": "pi", "unreachable_ms": 0}]


@pytest.fixture
def person(environment: dict[str, str], short_path: Path) -> Person:
    return Person(short_path / "home", environment)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def _project(**changes: object) -> Json:
    project = {"number": 0, "name": "shop", "path": "/code/shop", "machine_id": "m1", "url": None, "tags": []}
    return project | {"branch": "", "problem": "", "machine": "", "is_anywhere": False} | changes


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["git@example.org:me/shop.git"], {"url": "git@example.org:me/shop.git", "name": ""}),
        (["https://example.org/shop", "--name", "s"], {"url": "https://example.org/shop", "name": "s"}),
        (["/srv/shop", "--machine", "pi"], {"path": "/srv/shop", "machine": "pi"}),
        (["shop", "--anywhere"], {"path": "shop", "is_anywhere": True}),
    ],
)
def test_add_takes_paths_of_machines_and_addresses(
    person: Person, service: StandIn, words: list[str], sent: Json
) -> None:
    facts = {"base": "origin/main", "push": "ok", "setup_hint": "", "url": None}
    service.answers["POST /projects"] = {"v": 1, "project": _project(), "facts": facts}

    done = person.types("add", *words)

    assert (done.code, done.out) == (0, "0 shop  origin/main  push ok\n")
    usual = {"cwd": str(person.directory), "machine": "", "is_anywhere": False}
    assert service.body_of("POST /projects") == usual | sent


def test_the_list_of_projects_says_where_each_is(person: Person, service: StandIn) -> None:
    service.answers["GET /projects"] = {
        "v": 1,
        "projects": [
            _project(branch="main"),
            _project(number=1, name="wiki", path="/srv/wiki", machine="pi"),
            _project(number=2, name="api", path="", machine_id="", url="https://example.org/api"),
        ],
    }

    lines = person.types("p").out.splitlines()

    assert [line.split()[-1] for line in lines] == ["/code/shop", "pi:/srv/wiki", "https://example.org/api"]
    assert "wiki is on machine pi, at /srv/wiki" in person.types("1").err
    assert "api has no directory of its own" in person.types("2").err


def test_the_machine_is_shown_where_there_is_more_than_one(person: Person, service: StandIn) -> None:
    jobs = [
        job(1, "running", machine="m1"),
        job(2, "running", machine="m2", placed="3 of 4 slots were free there"),
        job(3, "queued", machine="", reason="for a free slot"),
    ]
    service.answers["GET /jobs?scope=default&most=500"] = {
        "v": 1,
        "now_ms": NOW_MS,
        "jobs": jobs,
        "machines": MACHINES,
    }

    lines = person.types("jobs").out.splitlines()
    assert [line.split()[4] for line in lines if line.startswith("#")] == ["box", "pi", "any"]
    wide = person.types("jobs", "--wide").out
    assert "    machine  pi\n    placed   3 of 4 slots were free there\n" in wide

    service.answers["GET /jobs?scope=default&most=500"] = {
        "v": 1,
        "now_ms": NOW_MS,
        "jobs": jobs,
        "machines": [],
    }
    assert "pi" not in person.types("jobs").out


def test_what_a_machine_cannot_start_is_one_line(person: Person, service: StandIn) -> None:
    why = {"c": "codex is not installed", "l": "claude is not logged in"}
    machine = MACHINES[0] | {"slots": 0, "max_agents": 4, "load": 0, "cores": 0, "memory_bytes": 0}
    machine |= {"available_bytes": 0, "version": "1", "agents": ["d"], "port": 0, "missing": why}
    machine |= {"is_here": True, "takes_no_jobs": "", "has_redis": True, "beat_ms": NOW_MS - 42_000}
    service.answers["GET /machines"] = {"v": 1, "now_ms": NOW_MS, "machines": [machine]}

    head, row, remark = person.types("machines").out.splitlines()

    assert row[head.index("seen") :].startswith("42s ago  ")
    assert remark == "    box: cannot start c, l: aios doctor there says what is missing"


def test_a_machine_of_another_version_says_so_and_one_that_takes_no_jobs_why(
    person: Person, service: StandIn
) -> None:
    machine: Json = {
        "slots": 0,
        "max_agents": 4,
        "load": 0,
        "cores": 0,
        "memory_bytes": 0,
        "available_bytes": 0,
    }
    machine |= {"agents": ["d"], "port": 0, "missing": {}, "has_redis": False, "beat_ms": 1}
    here = MACHINES[0] | machine | {"version": "2", "is_here": True, "takes_no_jobs": ""}
    there = MACHINES[1] | machine | {"version": "1", "is_here": False, "takes_no_jobs": "it is drained"}
    service.answers["GET /machines"] = {"v": 1, "now_ms": NOW_MS, "machines": [here, there]}

    assert person.types("machines").out.splitlines()[3:] == [
        "    pi: takes no jobs: it is drained",
        "    pi: another version than here, which is 2: update one of them",
    ]


def test_a_token_and_a_url_are_read_where_no_other_user_sees_them(person: Person) -> None:
    token = person.types("worker", "--join", "-", given=b"half a token\n")
    url = person.types("worker", "--broker", "-", given=b"redis://:secret@127.0.0.1:1/0\n")

    assert (token.code, "no join token" in token.err) == (2, True)
    assert (url.code, "127.0.0.1:1" in url.err, "secret" in url.err) == (4, True, False)
