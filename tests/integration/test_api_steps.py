"""Lists of steps by the API: built from several places at once, run, cleared, found by their name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.models import JobState
from aios_app.services.context import Context
from tests.integration.api_fixtures import Api, serving

_BUILDER = """
import sys
from pathlib import Path
from aios_app.domain.steps import Step
from aios_app.store.catalog import Catalog
catalog = Catalog(Path(sys.argv[1]))
for count in range(50):
    catalog.add_step("demo", Step(description=f"{sys.argv[2]} {count}", command="true"), "/" + sys.argv[2])
catalog.close()
"""


@pytest.fixture
def api(context: Context) -> Iterator[Api]:
    with serving(context) as client:
        yield client


@pytest.fixture
def here(short_path: Path) -> Path:
    """A directory that is no repository."""
    path = short_path / "here"
    path.mkdir()
    return path


def add(api: Api, line: str, cwd: Path | str = "/") -> dict[str, Any]:
    """Builds a step from ``name: description | command``."""
    name, _, rest = line.partition(": ")
    description, _, command = rest.partition(" | ")
    body = {"name": name, "description": description, "command": command, "cwd": str(cwd)}
    return api("POST /steps", body)


def run(api: Api, name: str, cwd: Path | str = "/", **fields: Any) -> dict[str, Any]:
    """Runs a list; the one job of it."""
    answer = api("POST /steps/run", {"name": name, "cwd": str(cwd), **fields})
    assert answer.status == 201, answer
    job: dict[str, Any] = answer["run"]["stages"][0]["jobs"][0]
    return job


def test_steps_stay_in_their_order_until_they_are_cleared(api: Api, context: Context) -> None:
    add(api, "demo: One | echo 1", "/one")
    add(api, "other: Two | echo 2", "/two")
    built = add(api, "demo: Three | echo '3' | cat", "/three")

    assert built["list"] == {
        "name": "demo",
        "directory": "/one",
        "steps": [
            {"description": "One", "command": "echo 1"},
            {"description": "Three", "command": "echo '3' | cat"},
        ],
    }
    assert [one["name"] for one in api("GET /steps")["lists"]] == ["demo", "other"]
    assert api("POST /steps/clear", {"name": "demo"})["list"]["name"] == "demo"
    assert [one["name"] for one in api("GET /steps")["lists"]] == ["other"]
    assert add(api, "demo: Anew | x")["list"]["directory"] == "/"


def test_two_that_build_the_same_list_at_once_lose_no_step(api: Api, context: Context) -> None:
    database = str(context.settings.database)
    builders = [
        subprocess.Popen([sys.executable, "-c", _BUILDER, database, name], cwd=Path(__file__).parents[2])
        for name in ("left", "right")
    ]

    assert [builder.wait(timeout=9) for builder in builders] == [0, 0]

    [built] = api("GET /steps")["lists"]
    said = [step["description"] for step in built["steps"]]
    for name in ("left", "right"):
        assert [one for one in said if one.startswith(name)] == [f"{name} {count}" for count in range(50)]
    assert built["directory"] in {"/left", "/right"}


def test_a_name_and_a_step_may_hold_anything_that_is_text(api: Api, context: Context) -> None:
    name = 'it\'s "$(x)" | `y` 日本 ' + "n" * 10_000
    command = "echo '日本' \"$(date)\" `id` \\ | : " + "c" * 10_000
    body = {"name": name, "description": "d" * 10_000, "command": command, "cwd": "/"}

    [step] = api("POST /steps", body)["list"]["steps"]
    job = run(api, name)

    assert step == {"description": "d" * 10_000, "command": command}
    assert job["name"].startswith("aios-it-s-x-y-n")
    assert (len(job["name"]) <= 64, job["title"]) == (True, name[:200])
    assert api("POST /jobs/find", {"refs": [name], "cwd": "/"})["jobs"][0]["number"] == job["number"]


def test_what_is_no_step_is_refused(api: Api) -> None:
    refused = {
        "means a job or a run": {"name": "7"},
        "the name is missing": {"name": ""},
        "the command is missing": {"command": " "},
        "the description is missing": {"description": ""},
        "no text": {"command": "\udc80"},
        "'cwd'": {"cwd": "here"},
    }
    for said, fields in refused.items():
        answer = api("POST /steps", {"name": "x", "description": "d", "command": "c", "cwd": "/"} | fields)

        assert (answer.status, said in answer["error"]["message"]) == (400, True), answer
    assert api("GET /steps")["lists"] == []


def test_what_cannot_be_run_is_refused_and_starts_nothing(api: Api, here: Path) -> None:
    refused: dict[str, dict[str, Any]] = {
        "no list of steps 'nope'": {"name": "nope", "steps": None},
        "1 to 1000 steps": {"steps": []},
        "'steps' must be a list": {"steps": [{"description": "d"}]},
        "the command is missing": {"steps": [{"description": "d", "command": ""}]},
        "no project 'nope'": {"repo": "nope"},
        "x is not a directory": {"repo": "./x"},
        "begins with a dash": {"branch": "-f"},
        "/nowhere is not a directory": {"cwd": "/nowhere"},
    }
    for said, fields in refused.items():
        body = {"name": "x", "cwd": str(here), "steps": [{"description": "d", "command": "c"}]}
        answer = api("POST /steps/run", body | fields)

        assert (answer.status, said in answer["error"]["message"]) == (400, True), answer
    assert api("GET /runs")["runs"] == []


def test_a_list_is_run_where_it_was_built_and_its_newest_job_is_found_by_its_name(
    api: Api, here: Path, context: Context
) -> None:
    add(api, "demo: One | true", here)

    first, second = run(api, "demo"), run(api, "demo")
    found = api("POST /jobs/find", {"refs": ["demo"], "cwd": "/"})["jobs"]

    assert [job["number"] for job in found] == [second["number"]]
    assert (first["worktree"], first["is_in_place"], first["branch"]) == (str(here), True, "")
    assert (first["agent_key"], first["weight"], first["finishes"]) == ("steps", 0, "exit")
    assert first["name"].startswith("aios-demo-")
    assert api("GET /runs")["runs"][0]["source"] == "steps"


def test_steps_do_not_wait_for_the_slots_of_agents(api: Api, here: Path, context: Context) -> None:
    context.ledger.set_machine(context.machine, max_agents=0)

    number = run(api, "x", here, steps=[{"description": "d", "command": "c"}])["number"]

    context.ledger.claim(context.machine)
    job = context.ledger.job(number)
    assert job is not None
    assert job.state is JobState.PREPARING


def test_a_dry_run_starts_nothing(api: Api, here: Path, make_project: Callable[[str], Path]) -> None:
    steps = [{"description": "d", "command": "c"}]
    repo = str(make_project("shop"))

    body = {"name": "x", "cwd": str(here), "steps": steps, "repo": repo, "is_dry_run": True}
    answer = api("POST /steps/run", body)

    [job] = answer["run"]["stages"][0]["jobs"]
    assert (answer.status, answer["run"]["number"], job["is_in_place"]) == (200, 0, False)
    assert (job["project"], answer["base"].startswith("base origin/main")) == ("shop", True)
    assert api("GET /runs")["runs"] == []


def test_a_job_of_steps_is_not_given_to_an_agent(api: Api, here: Path, context: Context) -> None:
    number = run(api, "x", here, steps=[{"description": "d", "command": "c"}])["number"]
    [job] = context.ledger.jobs([number])
    context.ledger.move(job.attempt, set(JobState), JobState.FAILED, ends=True)

    answer = api("POST /jobs/retry", {"refs": [str(number)], "cwd": "/", "agent": "c"})

    assert (answer.status, "has no agent" in answer["error"]["message"]) == (400, True)


def test_ended_jobs_of_a_list_leave_when_it_is_run_again_or_cleared(
    api: Api, here: Path, context: Context
) -> None:
    add(api, "demo: One | true", here)
    jobs = [run(api, "demo"), run(api, "other", here, steps=[{"description": "d", "command": "c"}])]
    for job in context.ledger.jobs(job["number"] for job in jobs):
        context.ledger.move(job.attempt, set(JobState), JobState.FAILED, ends=True)

    second = run(api, "demo")["number"]
    [first, other] = context.ledger.jobs(job["number"] for job in jobs)
    assert (first.state, other.state) == (JobState.DROPPED, JobState.FAILED)

    api("POST /steps/clear", {"name": "demo"})
    [job] = context.ledger.jobs([second])
    assert job.state is not JobState.DROPPED

    add(api, "demo: One | true", here)
    context.ledger.move(job.attempt, set(JobState), JobState.REVIEW, ends=True)
    api("POST /steps/clear", {"name": "demo"})
    assert [job.state for job in context.ledger.jobs([second])] == [JobState.DROPPED]
