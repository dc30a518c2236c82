"""Opening, typing, answering and resuming over the API; no worker takes the tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import JobState
from aios_app.services.context import Context
from tests.integration.api_fixtures import Api, serving

MakeProject = Callable[[str], Path]


@pytest.fixture
def api(context: Context) -> Iterator[Api]:
    context.catalog.put_agent(DEMO_AGENT)
    with serving(context) as client:
        yield client


@pytest.fixture
def shop(api: Api, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    assert api("POST /projects", {"path": str(root), "cwd": "/"}).status == 200
    return root


def test_a_session_is_made_in_the_directory_and_found_again(api: Api, shop: Path, context: Context) -> None:
    (shop / "src").mkdir()
    body = {"agent": "demo", "words": [], "cwd": str(shop / "src")}

    first, second = api("POST /jobs/open", body), api("POST /jobs/open", body)
    other = api("POST /jobs/open", body | {"cwd": str(shop)})

    assert (first["is_new"], second["is_new"], other["is_new"]) == (True, False, True)
    assert first["job"]["number"] == second["job"]["number"] != other["job"]["number"]
    job = context.ledger.job(first["job"]["number"])
    assert job is not None
    assert (job.worktree, job.project, job.branch, job.base_sha) == (str(shop / "src"), "shop", "", "")
    assert context.ledger.prompts(job.run) == {"*": ""}


def test_the_same_directory_by_another_path_is_the_same_session(
    api: Api, shop: Path, short_path: Path
) -> None:
    link = short_path / "link"
    link.symlink_to(shop)

    first = api("POST /jobs/open", {"agent": "d", "words": [], "cwd": str(shop)})
    second = api("POST /jobs/open", {"agent": "d", "words": [f"{link}/."], "cwd": "/"})

    assert second["job"]["number"] == first["job"]["number"]


def test_a_dry_run_of_a_new_worktree_writes_nothing(api: Api, shop: Path, context: Context) -> None:
    body = {"agent": "d++", "words": ["shop", "fix it"], "cwd": "/", "is_dry_run": True}

    answer = api("POST /jobs/open", body)

    assert answer["taken"] == f"'shop' is project 0: {shop}, 'fix it' is the prompt"
    assert answer["base"].startswith("base origin/main")
    assert answer["job"]["branch"].endswith("-fix-it")
    assert context.ledger.run_numbers() == []


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("POST /jobs/open", {"agent": "zz", "words": [], "cwd": "/"}, "'zz' calls no agent"),
        ("POST /jobs/open", {"agent": "d++", "words": [], "cwd": "/"}, "not in a git repository"),
        ("POST /jobs/open", {"agent": "d", "words": [], "cwd": "/no/where"}, "is not a directory"),
        ("POST /jobs/open", {"agent": "d", "words": ["a", "b", "c"], "cwd": "/"}, "too many words"),
        ("POST /jobs/open", {"agent": "d", "words": [""], "cwd": "/"}, "the prompt is empty"),
        ("POST /jobs/open", {"agent": "d", "words": [], "cwd": "/", "limit": "soon"}, "not a duration"),
        ("POST /jobs/resume", {"cwd": "/"}, "resume which?"),
        ("POST /jobs/resume", {"cwd": "/", "refs": ["1"], "is_all": True}, "resume which?"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(
    api: Api, context: Context, line: str, body: dict[str, object], said: str
) -> None:
    answer = api(line, body)

    assert (answer.status, said in answer["error"]["message"]) == (400, True), answer
    assert context.ledger.run_numbers() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "a text, or keys"),
        ({"text": "x", "keys": ["Up"]}, "a text, or keys"),
        ({"text": "\x1b[201~"}, "control characters"),
        ({"keys": ["Up; kill-server"]}, "is no key"),
    ],
)
def test_what_can_never_be_typed_is_refused(
    api: Api, shop: Path, fields: dict[str, object], said: str
) -> None:
    api("POST /jobs/open", {"agent": "d", "words": [], "cwd": str(shop)})

    answer = api("POST /jobs/send", {"refs": ["1"], "cwd": "/", **fields})

    assert (answer.status, said in answer["error"]["message"]) == (400, True), answer


def test_only_what_can_go_on_is_resumed(api: Api, shop: Path, context: Context) -> None:
    for words in (["one"], ["two"]):
        api("POST /jobs/open", {"agent": "d++", "words": words, "cwd": str(shop)})
    first, second = (context.ledger.job(number) for number in (1, 2))
    assert first is not None
    assert second is not None
    context.ledger.move(first.attempt, set(JobState), JobState.FAILED, ends=True,
                        cause="session lost", conversation="abc")  # fmt: skip
    context.ledger.move(second.attempt, set(JobState), JobState.FAILED, ends=True, cause="session lost")

    planned = api("POST /jobs/resume", {"cwd": "/", "is_all": True, "is_dry_run": True})
    resumed = api("POST /jobs/resume", {"cwd": "/", "is_all": True})

    assert [job["number"] for job in planned["jobs"]] == [1]
    assert planned["at_once"] == 3
    assert [job["state"] for job in resumed["jobs"]] == ["queued"]
    assert "never told its conversation" in resumed["problems"][0]["message"]


def test_a_job_that_asks_nothing_is_not_answered(api: Api, shop: Path) -> None:
    api("POST /jobs/open", {"agent": "d", "words": [], "cwd": str(shop)})
    without = api("POST /jobs/answer", {"ref": "1", "cwd": "/"})
    api("PUT /config/answers", {"value": "go on? = y"})

    answer = api("POST /jobs/answer", {"ref": "1", "cwd": "/"})

    assert (without.status, "aios config answers" in without["error"]["message"]) == (400, True)
    assert (answer["is_answered"], answer["message"].startswith("asks nothing")) == (False, True)
    assert api("PUT /config/answers", {"value": "no rule"}).status == 400
