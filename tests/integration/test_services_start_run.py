"""Starting a run: from a person's words to jobs in the ledger."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEFAULT_PROMPT, DEMO_AGENT
from aios_app.domain.errors import (
    BadAgentSpec,
    BadPrompt,
    BadValue,
    ProjectUnusable,
    UnknownAgent,
    UnknownProject,
    UsageError,
)
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.finish_job import finish_attempt
from aios_app.services.records import read_runs
from aios_app.services.start_run import start_run
from tests.integration.service_fixtures import attempt_of, request, started

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context) -> Context:
    """With the stand-in agent."""
    context.catalog.put_agent(DEMO_AGENT)
    return context


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def shape(jobs: list[Job]) -> list[tuple[str, str, int]]:
    """Project, agent and instance of each."""
    return [(job.project, job.agent_key, job.instance) for job in jobs]


def test_specs_add_up_and_the_last_word_is_the_prompt(ctx: Context, shop: Path) -> None:
    jobs = started(ctx, "d:1", "c:1", "demo:1", "fix the login", cwd=shop)

    assert shape(jobs) == [("shop", "d", 0), ("shop", "d", 1), ("shop", "c", 0)]
    assert {job.title for job in jobs} == {"fix the login"}
    assert {job.branch for job in jobs} == {f"aios/{n}-fix-the-login" for n in (1, 2, 3)}
    assert ctx.ledger.prompts(1) == {"*": "fix the login"}


@pytest.mark.parametrize("word", ["shop", "0", ".", "../shop", "src"])
def test_a_project_is_named_by_its_name_its_number_or_a_directory(
    ctx: Context, shop: Path, word: str
) -> None:
    (shop / "src").mkdir()
    cwd = shop if word in {".", "../shop"} else Path("/")

    if word == "src":
        jobs = started(ctx, f"{shop}/src", "d:1", "x")
    else:
        jobs = started(ctx, word, "d:1", "x", cwd=cwd)

    assert shape(jobs) == [("shop", "d", 0)]
    assert jobs[0].path == str(shop)


def test_without_a_project_it_is_the_one_that_the_person_is_in(ctx: Context, shop: Path) -> None:
    deep = shop / "src" / "deep"
    deep.mkdir(parents=True)

    assert shape(started(ctx, "d:1", "x", cwd=deep)) == [("shop", "d", 0)]


def test_a_repository_that_is_not_saved_will_do_and_is_the_same_project_each_time(
    ctx: Context, make_project: MakeProject
) -> None:
    root = make_project("blog")

    [one], [two] = started(ctx, "d:1", "x", cwd=root), started(ctx, "d:1", "x", cwd=root)

    assert one.project == two.project == "blog"
    assert one.project_id == two.project_id
    assert ctx.catalog.projects() == []


def test_from_inside_a_worktree_it_is_the_project_of_the_worktree(ctx: Context, shop: Path) -> None:
    inside = shop.parent / "worktree"
    subprocess.run(["git", "worktree", "add", "-q", "-b", "side", str(inside)], cwd=shop, check=True)

    [job] = started(ctx, "d:1", "x", cwd=inside)

    assert (job.project, job.path) == ("shop", str(shop))


def test_all_takes_every_saved_project_as_narrowed_by_names_and_tags(
    ctx: Context, shop: Path, make_project: MakeProject
) -> None:
    for name in ("blog", "web-a", "web-b"):
        ctx.catalog.add_project(make_project(name))
    ctx.catalog.tag("blog", ["mine"])

    def projects(**flags: Any) -> list[str]:
        return [job.project for job in started(ctx, "d:1", "x", source="all", **flags)]

    assert projects() == ["shop", "blog", "web-a", "web-b"]
    assert projects(only=["web-*", "mine"], exclude=["web-b"]) == ["blog", "web-a"]


def test_without_a_prompt_each_agent_gets_its_own_default(ctx: Context, shop: Path) -> None:
    ctx.catalog.set("codex_prompt", "the words of codex")

    started(ctx, "c:1", "d:1", "h:1", cwd=shop)

    assert ctx.ledger.prompts(1) == {"c": "the words of codex", "d": DEFAULT_PROMPT}


def test_the_prompt_of_a_file_takes_the_place_of_the_words(ctx: Context, shop: Path) -> None:
    started(ctx, "d:1", cwd=shop, prompt="-- first\nsecond\n")

    assert ctx.ledger.prompts(1) == {"*": "-- first\nsecond\n"}
    with pytest.raises(UsageError, match="two prompts"):
        start_run(ctx, request("d:1", "x", cwd=shop, prompt="y"))


def test_projects_that_cannot_be_used_are_problems_and_the_others_run(
    ctx: Context, shop: Path, make_project: MakeProject
) -> None:
    gone = make_project("gone")
    ctx.catalog.add_project(gone)
    shutil.rmtree(gone)

    answer = start_run(ctx, request("d:1", "x", source="all"))

    assert [problem["project"] for problem in answer["problems"]] == ["gone"]
    assert "does not exist" in answer["problems"][0]["message"]
    assert shape(ctx.ledger.run_jobs(1)) == [("shop", "d", 0)]


def test_a_run_without_any_usable_project_is_refused(ctx: Context, shop: Path) -> None:
    shutil.rmtree(shop)

    with pytest.raises(ProjectUnusable, match="does not exist"):
        start_run(ctx, request("d:1", "x", source="all"))


@pytest.mark.parametrize(
    ("jobs", "flags", "words"),
    [
        ("d:11", {}, "11 agents in 1 projects, 3 at a time. Start?"),
        ("c:11", {}, "11 agents in 1 projects, 3 at a time, codex without approvals. Start?"),
        ("d:10", {}, ""),
        ("d:11", {"is_confirmed": True}, ""),
    ],
)
def test_many_jobs_are_a_question_first(
    ctx: Context, shop: Path, jobs: str, flags: dict[str, Any], words: str
) -> None:
    ctx.catalog.set("max_agents", "3")

    answer = start_run(ctx, request(jobs, "x", source="all", **({"is_confirmed": False} | flags)))

    assert answer.get("question", "") == words
    assert ("run" in answer) is (not words)


def test_all_without_a_prompt_is_a_question_first_and_writes_nothing(ctx: Context, shop: Path) -> None:
    answer = start_run(ctx, request("d:1", source="all", is_confirmed=False))

    assert "with the default prompt" in answer["question"]
    assert ctx.ledger.run_numbers() == []
    assert ctx.catalog.last_numbers() == (0, 0)


def test_a_dry_run_shows_the_plan_and_writes_nothing(ctx: Context, shop: Path) -> None:
    answer = start_run(
        ctx, request("d:2", "x", source="all", is_sequential=True, is_dry_run=True, is_confirmed=False)
    )

    assert [len(stage["jobs"]) for stage in answer["run"]["stages"]] == [2]
    assert answer["run"]["number"] == 0
    assert ctx.ledger.run_numbers() == []
    assert ctx.ledger.counts() == {}
    assert ctx.catalog.last_numbers() == (0, 0)
    assert not ctx.settings.jobs_dir.exists()


def test_what_was_started_is_on_disk_before_it_is_answered(ctx: Context, shop: Path) -> None:
    [job] = started(ctx, "d:1", "x", cwd=shop)

    [(run, prompts)] = read_runs(ctx.settings)

    [recorded] = run.jobs
    assert (recorded.number, recorded.state, recorded.attempt) == (1, JobState.QUEUED, job.attempt)
    assert prompts == {"*": "x"}
    assert ctx.catalog.last_numbers() == (1, 1)


def test_a_disk_that_takes_no_record_changes_nothing_else(ctx: Context, shop: Path) -> None:
    (ctx.settings.data_dir / "runs").write_text("in the way")
    ctx.settings.jobs_dir.write_text("in the way")

    [job] = started(ctx, "d:1", "x", cwd=shop)
    finish_attempt(ctx, attempt_of(ctx, job), JobState.STOPPED)

    assert [job.state for job in ctx.ledger.run_jobs(1)] == [JobState.STOPPED]


def test_worktrees_go_where_the_person_wants_them_under_the_name_they_give(ctx: Context, shop: Path) -> None:
    ctx.catalog.set("worktrees_dir", "/elsewhere/trees")

    [job] = started(ctx, "d:1", "x", cwd=shop, name="my name/$(x)")

    assert job.worktree == f"/elsewhere/trees/{job.name}"
    assert job.name.startswith("my-name-x-demo-")


def test_the_base_of_one_project_is_said(ctx: Context, shop: Path, environment: dict[str, str]) -> None:
    (shop / "README.md").write_text("changed")
    subprocess.run(["git", "commit", "-qam", "mine"], cwd=shop, env=environment, check=True)
    (shop / "README.md").write_text("changed again")

    answer = start_run(ctx, request("d:1", "x", cwd=shop))

    assert answer["base"].startswith("base origin/main ")
    assert "your main is 1 ahead and 1 file is uncommitted: not included" in answer["base"]


@pytest.mark.parametrize(
    ("words", "flags", "error", "said"),
    [
        ((), {}, BadAgentSpec, "which agents"),
        (("x",), {}, BadAgentSpec, "not an agent spec"),
        (("d:0", "x"), {}, BadAgentSpec, "from 1 to 99"),
        (("d:-1", "x"), {}, BadAgentSpec, "from 1 to 99"),
        (("d:1000", "x"), {}, BadAgentSpec, "from 1 to 99"),
        (("d:" + "9" * 5000, "x"), {}, BadAgentSpec, "from 1 to 99"),
        (("d:60", "d:60", "x"), {}, BadAgentSpec, "at most 99"),
        (("zz:1", "x"), {}, UnknownAgent, "zz"),
        (("d:1", "x", "y"), {}, UsageError, "quotes"),
        (("d:1", " \n"), {}, BadPrompt, "empty"),
        (("nothing", "d:1", "x"), {}, UnknownProject, "nothing"),
        (("d:1", "x"), {"cwd": "/"}, ProjectUnusable, "git repository"),
        (("h:1",), {"is_sequential": True}, UsageError, "never finishes"),
        (("d:1", "x"), {"fail_fast": True}, UsageError, "--seq"),
        (("d:1", "x"), {"limit": "soon"}, BadValue, "soon"),
        (("d:1", "x"), {"limit": "9" * 5000 + "h"}, BadValue, "not a duration"),
        (("d:1", "x"), {"skip_waiting": "0"}, BadValue, "0"),
        (("d:1", "x"), {"base": "--exec=x"}, BadValue, "--exec=x"),
        (("d:1", "x"), {"source": "one"}, BadValue, "one"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    ctx: Context,
    shop: Path,
    words: tuple[str, ...],
    flags: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said) as raised:
        start_run(ctx, request(*words, **({"cwd": shop} | flags)))

    assert "\n" not in str(raised.value)
    assert ctx.ledger.run_numbers() == []
    assert ctx.catalog.last_numbers() == (0, 0)


def test_all_without_a_saved_project_says_how_to_save_one(ctx: Context) -> None:
    with pytest.raises(UsageError, match="aios add PATH"):
        start_run(ctx, request("d:1", "x", source="all"))


def test_the_first_agent_that_acts_without_asking_is_announced_once(ctx: Context, shop: Path) -> None:
    quiet = start_run(ctx, request("d:1", "x", cwd=shop))
    plan = start_run(ctx, request("c:1", "x", cwd=shop, is_dry_run=True))
    first = start_run(ctx, request("c:1", "l:1", "x", cwd=shop))
    second = start_run(ctx, request("c:1", "x", cwd=shop))

    assert quiet["notice"] == ""
    assert "notice" not in plan
    assert first["notice"].startswith("claude, codex: agents run as you, without asking")
    assert second["notice"] == ""
