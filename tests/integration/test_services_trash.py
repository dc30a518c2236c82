"""Jobs that are dropped and come back, worktrees that are cleaned up; the test does the worker's part."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import ConflictError, NotNow, UsageError
from aios_app.domain.models import Job, JobState
from aios_app.git.worktrees import read_metadata, write_metadata
from aios_app.services.clean_up import clean_up
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.diff_jobs import diff_jobs
from aios_app.services.drop_jobs import drop_job, drop_jobs
from aios_app.services.finish_job import finish_attempt
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.remove_work import remove_work
from aios_app.services.trash import restore_trash, show_trash
from aios_app.services.worktrees import list_worktrees
from tests.integration.git_fixtures import commit, git
from tests.integration.service_fixtures import attempt_of, claimed, now, started

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """With the stand-in agent and the tests' own git identity."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    context.catalog.put_agent(DEMO_AGENT)
    context.catalog.set("max_agents", "9")
    ensure_ledger(context)
    yield context
    context.tmux.stop_if_empty()


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def reviewed(ctx: Context, cwd: Path, count: int = 1) -> list[Job]:
    """Jobs in review whose agents are closed, each with its worktree."""
    jobs = started(ctx, f"d:{count}", "fix it", cwd=cwd)
    for job in claimed(ctx):
        create_worktree(ctx, job.attempt)
        ctx.ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
        finish_attempt(ctx, attempt_of(ctx, job), JobState.REVIEW)
    return now(ctx, jobs)


def drop(ctx: Context, *words: str, names: tuple[str, ...] = (), is_confirmed: bool = True) -> dict[str, Any]:
    return drop_jobs(ctx, words, names, "/", is_confirmed=is_confirmed)


def cleaned(ctx: Context, *, is_all: bool = False, older: str = "") -> tuple[dict[int, str], dict[int, str]]:
    """What went, by its job's state, and what stayed, by its reason."""
    answer = clean_up(ctx, older=older, is_all=is_all, is_confirmed=True)
    gone = [one["job"]["number"] for one in answer["results"] if one["is_dropped"]]
    states = {job.number: str(job.state) for job in ctx.ledger.jobs(gone)}
    return states, {one["job"]["number"]: one["message"] for one in answer["kept"]}


# Dropping


def test_what_only_the_worktree_has_is_named_before_anything_is_touched(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    worktree = Path(job.worktree)
    commit(worktree, "done.txt", "x")
    (worktree / "README.md").write_text("changed\n")
    (worktree / "new.txt").write_text("new\n")

    answer = drop(ctx, str(job.number), is_confirmed=False)

    assert answer["question"] == "Remove 1 worktree? The trash keeps it for 30 days."
    assert answer["names"][0] == f"#{job.number} {job.name}, branch {job.branch}"
    assert answer["names"][1:3] == ["  1 changed: README.md", "  1 untracked: new.txt"]
    assert answer["names"][3].startswith("  1 commit that nothing else has: ")
    assert answer["names"][3].endswith(" write done.txt")
    assert worktree.is_dir()
    assert now(ctx, [job])[0].state is JobState.REVIEW


def test_a_dropped_job_comes_back_into_review_with_all_that_it_had(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    worktree = Path(job.worktree)
    (worktree / "new.txt").write_text("new\n")

    [result] = drop(ctx, str(job.number))["results"]

    assert (result["is_dropped"], result["trash"].startswith("refs/aios/trash/")) == (True, True)
    assert now(ctx, [job])[0].state is JobState.DROPPED
    assert not worktree.exists()
    [entry] = show_trash(ctx)["entries"]
    assert (entry["job"], entry["project"], entry["files"]) == (job.number, "shop", 1)

    answer = restore_trash(ctx, ref=str(job.number), cwd="/")

    assert (answer["path"], answer["branch"], answer["message"]) == (job.worktree, job.branch, "")
    assert (worktree / "new.txt").read_text() == "new\n"
    back = now(ctx, [job])[0]
    assert (back.state, back.worktree, back.branch) == (JobState.REVIEW, job.worktree, job.branch)
    assert (read_metadata(worktree) or {})["job"] == job.number
    assert json.loads((ctx.settings.jobs_dir / str(job.number) / "job.json").read_text())["state"] == "review"
    with pytest.raises(UsageError, match="the trash has no"):
        restore_trash(ctx, ref=str(job.number), cwd="/")


def test_dropping_twice_removes_nothing_else(ctx: Context, shop: Path, make_project: MakeProject) -> None:
    web = make_project("shop-web")
    ctx.catalog.add_project(web)
    first, second = reviewed(ctx, shop, 2)
    [other] = reviewed(ctx, web)
    drop(ctx, str(first.number))

    with pytest.raises(ConflictError, match=f"#{first.number} .* stays: it is dropped and removed already"):
        drop(ctx, str(first.number))

    assert Path(second.worktree).is_dir()
    assert Path(other.worktree).is_dir()
    assert [job.state for job in now(ctx, [second, other])] == [JobState.REVIEW] * 2


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (JobState.RUNNING, r"its agent works: aios wait \d+ or aios stop \d+ first"),
        (JobState.WAITING, r"its agent waits for an answer: aios answer"),
    ],
)
def test_a_job_whose_agent_is_at_it_stays(ctx: Context, shop: Path, state: JobState, words: str) -> None:
    [job] = reviewed(ctx, shop)
    [busy] = started(ctx, "d:1", "x", cwd=shop)
    claimed(ctx)
    create_worktree(ctx, busy.attempt)
    ctx.ledger.move(busy.attempt, {JobState.PREPARING}, state, is_open=1)

    with pytest.raises(ConflictError, match=words):
        drop(ctx, str(busy.number))
    results = drop(ctx, str(busy.number), str(job.number))["results"]

    assert [result["is_dropped"] for result in results] == [False, True]
    assert Path(now(ctx, [busy])[0].worktree).is_dir()


def test_of_a_run_what_is_still_there_goes(ctx: Context, shop: Path) -> None:
    first, second = reviewed(ctx, shop, 2)
    drop(ctx, str(first.number))

    results = drop(ctx, f"r{first.run}")["results"]

    assert [(result["job"]["number"], result["is_dropped"]) for result in results] == [(second.number, True)]


def test_a_drop_that_was_killed_before_the_books_is_ended_by_the_same_words(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    (Path(job.worktree) / "new.txt").write_text("x")
    remove_work(ctx, job)

    [result] = drop(ctx, str(job.number))["results"]

    assert (result["is_dropped"], now(ctx, [job])[0].state) == (True, JobState.DROPPED)
    restore_trash(ctx, ref=str(job.number), cwd="/")
    assert (Path(job.worktree) / "new.txt").read_text() == "x"


def test_a_restore_says_what_it_cannot_bring_back(ctx: Context, shop: Path) -> None:
    ctx.catalog.set("shop.setup", "npm ci")
    [job] = reviewed(ctx, shop)
    drop(ctx, str(job.number))

    answer = restore_trash(ctx, ref=str(job.number), cwd="/")

    assert answer["message"] == "what its setup made is not back: run npm ci there"


def test_a_job_in_a_persons_own_directory_removes_nothing(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    ctx.ledger.note(job.number, is_in_place=1, worktree=str(shop))

    with pytest.raises(ConflictError, match="it works in your own directory, which stays"):
        drop(ctx, str(job.number))
    assert (shop / "README.md").exists()


def test_a_worktree_that_is_anothers_by_now_is_not_touched(ctx: Context, shop: Path) -> None:
    first, second = reviewed(ctx, shop, 2)
    ctx.ledger.note(first.number, worktree=second.worktree)

    with pytest.raises(ConflictError, match="is not the worktree of"):
        drop(ctx, str(first.number))
    assert Path(second.worktree).is_dir()


def test_a_worktree_that_was_removed_by_hand_leaves_no_branch(ctx: Context, shop: Path) -> None:
    first, second = reviewed(ctx, shop, 2)
    sha = commit(Path(first.worktree), "done.txt", "x")
    shutil.rmtree(first.worktree)
    moved = Path(second.worktree).with_name("moved")
    Path(second.worktree).rename(moved)

    drop(ctx, str(first.number))

    assert git(shop, "branch", "--list", first.branch) == ""
    assert git(shop, "branch", "--list", second.branch) != ""
    moved.rename(second.worktree)
    assert git(Path(second.worktree), "status", "--porcelain") == ""
    restore_trash(ctx, ref=str(first.number), cwd="/")
    assert git(Path(first.worktree), "rev-parse", "HEAD") == sha


def test_a_worktree_of_no_job_goes_by_its_exact_name_only(ctx: Context, shop: Path) -> None:
    directory = ctx.settings.worktrees_dir
    for name in ("mine", "mine-too"):
        git(shop, "worktree", "add", "-q", "-b", name, str(directory / name))
    (directory / "mine" / "new.txt").write_text("x")

    with pytest.raises(UsageError, match="there is no worktree min in"):
        drop(ctx, names=("min",))
    with pytest.raises(UsageError, match="there is no worktree"):
        drop(ctx, names=("../code/shop",))
    named = drop(ctx, names=("mine",), is_confirmed=False)["names"]
    [result] = drop(ctx, names=("mine",))["results"]

    assert named == ["mine", "  1 untracked: new.txt"]
    assert (result["job"], result["name"], result["is_dropped"]) == (None, "mine", True)
    assert "branch mine stays: AIOS did not make it" in result["message"]
    assert not (directory / "mine").exists()
    assert (directory / "mine-too").is_dir()
    answer = restore_trash(ctx, ref="mine", cwd="/")
    assert (answer["branch"], answer["job"]) == ("mine", None)
    assert (directory / "mine" / "new.txt").read_text() == "x"


def test_a_worktree_of_no_job_stays_while_something_works_in_it(ctx: Context, shop: Path) -> None:
    place = ctx.settings.worktrees_dir / "mine"
    git(shop, "worktree", "add", "-q", "-b", "mine", str(place))

    with subprocess.Popen(["sleep", "60"], cwd=place) as process:
        try:
            with pytest.raises(ConflictError, match=rf"sleep \({process.pid}\) works in it"):
                drop(ctx, names=("mine",))
        finally:
            process.kill()
    assert place.is_dir()


def test_the_job_of_another_instance_is_not_taken_for_ours(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    foreign = ctx.settings.worktrees_dir / "foreign"
    git(shop, "worktree", "add", "-q", "-b", "aios/7-other", str(foreign))
    write_metadata(foreign, {"job": job.number, "branch": "aios/7-other"})

    listed = {one["name"]: one["job"] for one in list_worktrees(ctx)["worktrees"]}
    drop(ctx, names=("foreign",))

    assert listed == {job.name: job.number, "foreign": 0}
    assert now(ctx, [job])[0].state is JobState.REVIEW
    assert Path(job.worktree).is_dir()
    answer = restore_trash(ctx, ref="foreign", cwd="/")
    assert answer["job"] is None


def test_too_large_work_is_refused_with_what_makes_it_so(ctx: Context, shop: Path) -> None:
    ctx.catalog.set("trash_max_mb", "1")
    [job] = reviewed(ctx, shop)
    (Path(job.worktree) / "model.bin").write_bytes(b"x" * 2_000_000)

    with pytest.raises(ConflictError, match=r"trash_max_mb is 1; the largest is model\.bin with 2 MB"):
        drop(ctx, str(job.number), is_confirmed=False)

    assert (Path(job.worktree) / "model.bin").exists()
    assert now(ctx, [job])[0].state is JobState.REVIEW


# Cleaning up


def test_what_landed_or_never_changed_goes_and_the_rest_stays(
    ctx: Context, shop: Path, short_path: Path
) -> None:
    unchanged, merged, squashed, opened, dirty = reviewed(ctx, shop, 5)
    for job in (merged, squashed, opened):
        commit(Path(job.worktree), f"{job.number}.txt", "one\n")
    commit(Path(squashed.worktree), f"{squashed.number}-more.txt", "two\n")
    (Path(dirty.worktree) / "new.txt").write_text("x")
    # As others do it: one branch merged, one squashed into one commit, on the remote alone
    elsewhere = short_path / "elsewhere"
    git(short_path, "clone", "-q", git(shop, "remote", "get-url", "origin"), str(elsewhere))
    for job in (merged, squashed):
        git(Path(job.worktree), "push", "-q", "origin", job.branch)
    git(elsewhere, "fetch", "-q")
    git(elsewhere, "merge", "-q", "--no-ff", "-m", "merge", f"origin/{merged.branch}")
    git(elsewhere, "merge", "-q", "--squash", f"origin/{squashed.branch}")
    git(elsewhere, "commit", "-q", "-m", "squashed (#12)")
    git(elsewhere, "push", "-q", "origin", "HEAD")

    gone, kept = cleaned(ctx)

    assert gone == {unchanged.number: "dropped", merged.number: "landed", squashed.number: "landed"}
    assert kept == {
        opened.number: f"not landed: aios land {opened.number}, or aios cleanup --all",
        dirty.number: f"uncommitted changes: aios land {dirty.number}, or aios cleanup --all",
    }
    assert [Path(job.worktree).is_dir() for job in (unchanged, merged, squashed, opened, dirty)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_all_takes_the_rest_too_named_first(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    [busy] = started(ctx, "d:1", "x", cwd=shop)
    (Path(job.worktree) / "new.txt").write_text("x")

    answer = clean_up(ctx, older="", is_all=True, is_confirmed=False)
    assert "  1 untracked: new.txt" in answer["names"]
    gone, _ = cleaned(ctx, is_all=True)

    assert gone == {job.number: "dropped"}
    assert now(ctx, [busy])[0].state is not JobState.DROPPED


def test_only_what_is_old_enough_goes(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)

    assert cleaned(ctx, older="14d") == ({}, {})
    assert Path(job.worktree).is_dir()


def test_work_that_comes_after_the_look_is_kept(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    (Path(job.worktree) / "late.txt").write_text("x")

    with pytest.raises(ConflictError, match="was changed since"):
        drop_job(ctx, job, JobState.LANDED, at=job.base_sha)
    assert now(ctx, [job])[0].state is JobState.REVIEW


# Differences


def test_the_diff_holds_what_is_committed_uncommitted_and_untracked(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    worktree = Path(job.worktree)
    commit(worktree, "done.txt", "done\n")
    (worktree / "README.md").write_text("changed\n")
    (worktree / "new.txt").write_text("new\n")
    (worktree / "blob").write_bytes(b"\0\1\2")
    index = (shop / ".git/worktrees" / job.name / "index").read_bytes()

    answer = diff_jobs(ctx, [str(job.number)], "/")

    files = {file["path"]: (file["added"], file["removed"], file["is_binary"]) for file in answer["files"]}
    assert files == {
        "README.md": (1, 1, False),
        "blob": (0, 0, True),
        "done.txt": (1, 0, False),
        "new.txt": (1, 0, False),
    }
    assert "\n+new\n" in answer["text"]
    assert answer["titles"] == [f"#{job.number} shop demo review, against origin/main {job.base_sha[:7]}"]
    assert (shop / ".git/worktrees" / job.name / "index").read_bytes() == index


def test_the_diff_leaves_out_what_the_base_has_by_now(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    commit(shop, "others.txt", "x")
    git(shop, "push", "-q")
    commit(Path(job.worktree), "mine.txt", "x")
    git(Path(job.worktree), "merge", "-q", "-m", "merge", "origin/main")

    answer = diff_jobs(ctx, [str(job.number)], "/")

    assert [file["path"] for file in answer["files"]] == ["mine.txt"]


def test_the_diff_of_a_dropped_job_is_from_the_trash(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    (Path(job.worktree) / "new.txt").write_text("new\n")
    before = diff_jobs(ctx, [str(job.number)], "/")
    drop(ctx, str(job.number))

    answer = diff_jobs(ctx, [str(job.number)], "/")

    assert answer["text"] == before["text"]
    assert answer["titles"][1] == "its worktree is in the trash"


def test_the_diff_of_a_landed_job_is_what_landed(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    before = git(shop, "rev-parse", "HEAD")
    sha = commit(shop, "landed.txt", "x")
    landed = {"landed_ref": "origin/main", "landed_from": before, "landed_sha": sha}
    ctx.ledger.settle(job.number, {JobState.REVIEW}, JobState.LANDED, **landed)

    answer = diff_jobs(ctx, [str(job.number)], "/")

    assert [file["path"] for file in answer["files"]] == ["landed.txt"]
    assert answer["titles"] == [f"#{job.number} shop demo: what landed on origin/main {sha[:7]}"]


def test_two_jobs_are_compared_with_one_another(ctx: Context, shop: Path) -> None:
    first, second = reviewed(ctx, shop, 2)
    for job, text in ((first, "one\n"), (second, "two\n")):
        (Path(job.worktree) / "same.txt").write_text(text)

    answer = diff_jobs(ctx, [str(first.number), str(second.number)], "/")

    assert "-one\n+two\n" in answer["text"]
    with pytest.raises(UsageError, match="of one job or between two, not of 3"):
        diff_jobs(ctx, [str(job.number) for job in (first, second, *reviewed(ctx, shop))], "/")


def test_a_job_in_place_is_compared_with_head(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    ctx.ledger.note(job.number, is_in_place=1, worktree=str(shop))
    (shop / "new.txt").write_text("x\n")

    answer = diff_jobs(ctx, [str(job.number)], "/")

    assert [file["path"] for file in answer["files"]] == ["new.txt"]
    assert answer["titles"] == [f"#{job.number} shop demo works in {shop}: all that is uncommitted there"]


def test_a_huge_diff_is_cut_and_what_is_left_out_is_counted(ctx: Context, shop: Path) -> None:
    [job] = reviewed(ctx, shop)
    for number in range(4):
        (Path(job.worktree) / f"{number}.txt").write_text("0123456789\n" * 150_000)
    (Path(job.worktree) / "large.bin").write_bytes(b"x" * 21 * 1024 * 1024)
    (Path(job.worktree) / "lib").mkdir()
    git(Path(job.worktree) / "lib", "init", "-q")

    answer = diff_jobs(ctx, [str(job.number)], "/")

    assert len(answer["text"]) <= 5 * 1024 * 1024
    assert answer["left_out"] > 1_000_000
    assert answer["titles"][1:] == [
        "left out, a repository of its own: lib",
        "left out, more than 20 MB: large.bin",
    ]


def test_a_job_that_has_nothing_yet_has_no_diff(ctx: Context, shop: Path) -> None:
    [job] = started(ctx, "d:1", "x", cwd=shop)

    with pytest.raises(NotNow, match="there is no diff"):
        diff_jobs(ctx, [str(job.number)], "/")


# The list


def test_the_worktrees_are_listed_with_what_became_of_their_work(ctx: Context, shop: Path) -> None:
    unchanged, opened, dirty = reviewed(ctx, shop, 3)
    commit(Path(opened.worktree), "done.txt", "x")
    (Path(dirty.worktree) / "new.txt").write_text("x")
    scratch = ctx.settings.data_dir / "landing" / "scratch"
    git(shop, "worktree", "add", "-q", "--detach", str(scratch))

    listed = {one["job"]: (one["work"], one["is_dirty"]) for one in list_worktrees(ctx)["worktrees"]}

    assert listed == {
        unchanged.number: ("no change", False),
        opened.number: ("not landed", False),
        dirty.number: ("", True),
    }
