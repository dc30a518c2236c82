"""Landings on real repositories, one at a time."""

from __future__ import annotations

import logging
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError
from aios_app.domain.landing import Outcome
from aios_app.domain.models import JobState
from aios_app.git.standing import Work
from aios_app.services.context import Context
from aios_app.services.land_job import land_job
from aios_app.services.request_landing import LandingRequest, request_landings, request_pick
from aios_app.services.spawn_job import RESUME
from aios_app.services.worktrees import list_worktrees
from tests.integration.landing_jobs import (
    finish,
    git,
    hook,
    is_on_remote,
    land,
    person,
    remote_of,
    shop,
    worked,
)
from tests.integration.service_fixtures import claimed, running

__all__ = ["person", "shop"]

pytestmark = pytest.mark.timeout(30)
#: Of one landing with its removal, with two for the request: those few milliseconds each add up.
_MOST_GIT_COMMANDS = 30


def test_a_job_lands_with_what_is_uncommitted_and_its_worktree_is_gone(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")
    Path(job.worktree, "b.txt").write_text("uncommitted\n")

    landing = land(context, job)

    [now] = context.ledger.jobs([job.number])
    remote = shop.parent.parent / "remotes" / "shop.git"
    assert (landing.outcome, landing.problem) == (Outcome.LANDED, "")
    assert git(remote, "rev-parse", "main") == now.landed_sha == landing.sha
    assert git(remote, "show", "main:b.txt") == "uncommitted"
    assert git(remote, "log", "-1", "--format=%B", "main").endswith(
        f"Fixed.\n\nAios-Job: {job.number} {job.agent}"
    )
    assert (now.state, now.landed_ref) == (JobState.LANDED, "origin/main")
    assert not Path(job.worktree).exists()
    assert git(shop, "rev-parse", "main") == landing.sha
    assert git(shop, "branch", "--list", "aios/*") == ""
    assert [line.split()[0] for line in landing.steps] == ["ok", "ok", "ok", "your", "ok"]


def test_a_landing_takes_no_more_git_commands_than_it_must(
    context: Context, shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a base that has moved on since the work began
    first, job = (worked(context, shop, name)[0] for name in ("a.txt", "b.txt"))
    land(context, first)

    with caplog.at_level(logging.DEBUG, "aios_app.git.runner"):
        landing = land(context, job)

    commands = [record.__dict__["git_cmd"] for record in caplog.records if "git_cmd" in record.__dict__]
    assert landing.outcome is Outcome.LANDED
    assert 5 < len(commands) <= _MOST_GIT_COMMANDS, commands


def test_of_two_that_change_one_line_the_second_is_a_conflict_with_both_sides(
    context: Context, shop: Path
) -> None:
    first, second = worked(context, shop, "a.txt", count=2)
    land(context, first)
    before = git(remote_of(shop), "rev-parse", "main")

    landing = land(context, second)

    assert (landing.outcome, [file.path for file in landing.conflicts]) == (Outcome.CONFLICT, ["a.txt"])
    assert f"work of {first.number}" in landing.conflicts[0].ours[0]
    assert f"work of {second.number}" in landing.conflicts[0].theirs[0]
    assert git(remote_of(shop), "rev-parse", "main") == before
    assert Path(second.worktree, "a.txt").read_text() == f"by {second.number}\n"
    [now] = context.ledger.jobs([second.number])
    assert (now.state, now.landing) == (JobState.REVIEW, "conflict with origin/main: a.txt")


def test_the_check_of_a_project_that_was_saved_anew_still_counts(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")
    context.catalog.remove_project("shop")
    context.catalog.add_project(shop, name="other")
    context.catalog.set("other.check", "false")

    assert land(context, job).outcome is Outcome.RED
    assert not is_on_remote(shop, "a.txt")


def test_whatever_an_agent_says_its_work_lands_and_no_control_character_with_it(
    context: Context, shop: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    context.ledger.note(job.number, message="bad \0 NUL\n\x1b]0;title\x07\r\n\tnew line")

    assert land(context, job).outcome is Outcome.LANDED
    body = git(remote_of(shop), "log", "-1", "--format=%b", "main")
    assert body.startswith("bad  NUL\n]0;title\n\tnew line")


def test_each_of_several_addresses_for_pushes_is_pushed_to_once(context: Context, shop: Path) -> None:
    second = remote_of(shop).with_name("second.git")
    git(shop, "clone", "-q", "--bare", str(remote_of(shop)), str(second))
    for address in (remote_of(shop), second):
        git(shop, "remote", "set-url", "--add", "--push", "origin", str(address))
    pushes = shop.parent / "pushes"
    hook(shop, "pre-push", f'echo "$2" >> {pushes}')
    [job] = worked(context, shop, "a.txt")

    assert land(context, job).outcome is Outcome.LANDED
    assert pushes.read_text().split() == [str(remote_of(shop)), str(second)]


def test_a_place_that_cannot_be_written_is_named(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")
    (context.settings.data_dir / "landing").write_text("in the way\n")

    landing = land(context, job)

    assert landing.outcome is Outcome.FAILED
    assert f"File exists: {context.settings.data_dir}/landing" in landing.problem
    assert Path(job.worktree).is_dir()


def test_work_that_differs_in_blanks_alone_is_not_taken_for_landed(context: Context, shop: Path) -> None:
    first, second = worked(context, shop, count=2)
    for job, blanks in ((first, "  "), (second, "    ")):
        Path(job.worktree, "a.py").write_text(f"if x:\n{blanks}y()\n")

    land(context, first)

    assert land(context, second).outcome is Outcome.CONFLICT
    assert Path(second.worktree, "a.py").is_file()


def test_a_red_check_lands_nothing_and_its_output_is_kept(context: Context, shop: Path) -> None:
    context.catalog.set("shop.check", "echo it is broken; exit 3")
    [job] = worked(context, shop, "a.txt")

    landing = land(context, job)

    assert landing.outcome is Outcome.RED
    assert "exited 3 on the merged tree" in landing.problem
    assert "\n  it is broken" in landing.problem
    assert "it is broken" in (context.settings.jobs_dir / str(job.number) / "landing.log").read_text()
    assert not is_on_remote(shop, "a.txt")
    assert Path(job.worktree).is_dir()


def test_a_branch_that_moves_meanwhile_is_merged_again_and_nothing_of_it_is_lost(
    context: Context, shop: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "other"
    git(shop, "clone", "-q", str(remote_of(shop)), str(clone))
    script = tmp_path / "check"
    push = f"cd {clone} && echo x > foreign.txt && git add . && git commit -qm foreign && git push -q"
    script.write_text(f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; {push}; }}\n")
    context.catalog.set("shop.check", f"sh {script}")
    [job] = worked(context, shop, "a.txt")

    landing = land(context, job)

    assert (landing.outcome, landing.problem) == (Outcome.LANDED, "")
    assert is_on_remote(shop, "a.txt")
    assert is_on_remote(shop, "foreign.txt")
    assert git(remote_of(shop), "log", "--format=%s", "main").splitlines().count(f"work of {job.number}") == 1


def test_what_the_remote_refuses_is_said_in_its_words_and_stays(context: Context, shop: Path) -> None:
    hook(remote_of(shop), "pre-receive", "echo main is protected; exit 1")
    [job] = worked(context, shop, "a.txt")

    landing = land(context, job)

    assert landing.outcome is Outcome.FAILED
    assert "main is protected" in landing.problem
    assert Path(job.worktree).is_dir()


def test_a_push_of_which_nothing_is_known_keeps_the_worktree_and_is_recognised_next_time(
    context: Context, shop: Path
) -> None:
    remote = remote_of(shop)
    hook(remote, "post-receive", f"mv {remote} {remote}.away")
    [job] = worked(context, shop, "a.txt")

    unknown = land(context, job)
    (remote.parent / f"{remote.name}.away").rename(remote)
    (remote / "hooks" / "post-receive").unlink()
    assert Path(job.worktree).is_dir()
    known = land(context, job)

    assert (unknown.outcome, "is not known" in unknown.problem) == (Outcome.FAILED, True)
    assert (known.outcome, known.sha) == (Outcome.LANDED, unknown.sha)
    assert git(remote, "rev-parse", "main") == unknown.sha
    [now] = context.ledger.jobs([job.number])
    assert (now.state, now.landed_sha, now.landed_from) == (JobState.LANDED, unknown.sha, unknown.base_sha)


def test_a_lander_that_was_passed_over_pushes_nothing_when_it_wakes(context: Context, shop: Path) -> None:
    context.catalog.set("shop.check", "true")
    [job] = worked(context, shop, "a.txt")
    request_landings(context, LandingRequest(refs=[str(job.number)], cwd="/", environment={}))
    landing = context.ledger.lines.landing(job.number)
    assert landing is not None

    failed = landing.evolve(place=0, outcome=Outcome.FAILED, problem="did not go on")
    assert context.ledger.lines.leave(failed, "failed", lease_ms=1000) is not None
    land_job(context, landing)

    assert not is_on_remote(shop, "a.txt")
    assert context.ledger.lines.landing(job.number) == failed
    assert Path(job.worktree).is_dir()


def test_a_job_without_a_change_says_where_its_agent_may_have_committed(context: Context, shop: Path) -> None:
    [job] = worked(context, shop)
    git(shop, "commit", "-q", "--allow-empty", "-m", "by mistake")

    landing = land(context, job)

    assert landing.outcome is Outcome.NOTHING
    assert "no change to land" in landing.problem
    assert "by mistake" in landing.problem


def test_what_came_in_by_a_squash_elsewhere_is_landed(context: Context, shop: Path, tmp_path: Path) -> None:
    [job] = worked(context, shop, "a.txt", "b.txt")
    git(shop, "clone", "-q", str(remote_of(shop)), str(tmp_path / "other"))
    git(tmp_path / "other", "fetch", "-q", str(shop), job.branch)
    git(tmp_path / "other", "merge", "-q", "--squash", "FETCH_HEAD")
    git(tmp_path / "other", "commit", "-q", "-m", "pull request 1")
    git(tmp_path / "other", "push", "-q")
    before = git(remote_of(shop), "rev-parse", "main")

    landing = land(context, job)

    assert (landing.outcome, git(remote_of(shop), "rev-parse", "main")) == (Outcome.LANDED, before)
    assert "ok already on origin/main" in landing.steps
    assert context.ledger.jobs([job.number])[0].state is JobState.LANDED
    assert not Path(job.worktree).exists()


def test_a_worktree_that_was_removed_by_hand_lands_from_its_branch(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")
    shutil.rmtree(job.worktree)

    landing = land(context, job)

    assert (landing.outcome, is_on_remote(shop, "a.txt")) == (Outcome.LANDED, True)
    assert "its worktree is gone" in landing.steps[0]
    assert git(shop, "branch", "--list", "aios/*") == ""


@pytest.mark.parametrize("command", ["branch -m mine", "checkout -q --detach", "checkout -q main"])
def test_what_stands_in_the_worktree_lands_on_whatever_branch_its_agent_left_it(
    context: Context, shop: Path, command: str
) -> None:
    git(shop, "checkout", "-q", "-b", "elsewhere")
    [job] = worked(context, shop, "a.txt")
    git(job.worktree, *command.split())
    if "main" in command:
        git(job.worktree, "merge", "-q", job.branch)

    landing = land(context, job)

    assert (landing.outcome, is_on_remote(shop, "a.txt")) == (Outcome.LANDED, True)
    assert any("no longer on" in step for step in landing.steps)
    assert git(shop, "branch", "--list", "main", "--format=%(refname)") == "refs/heads/main"
    assert not Path(job.worktree).exists()


def test_a_worktree_that_was_left_without_the_commits_of_its_branch_is_not_landed(
    context: Context, shop: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    git(job.worktree, "checkout", "-q", "--detach", job.base_sha)

    landing = land(context, job)

    assert landing.outcome is Outcome.REFUSED
    assert f"git switch {job.branch}" in landing.problem
    assert Path(job.worktree).is_dir()


def test_a_locked_worktree_lands_and_stays_and_goes_when_it_is_landed_again(
    context: Context, shop: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    git(shop, "worktree", "lock", job.worktree)

    first = land(context, job)
    [kept] = context.ledger.jobs([job.number])
    git(shop, "worktree", "unlock", job.worktree)
    second = land(context, job)

    assert (first.outcome, second.outcome) == (Outcome.LANDED, Outcome.LANDED)
    assert "is locked" in first.steps[-1]
    assert (kept.state, kept.landed_ref) == (JobState.REVIEW, "origin/main")
    [now] = context.ledger.jobs([job.number])
    assert (now.state, now.landed_sha) == (JobState.LANDED, first.sha)
    assert not Path(job.worktree).exists()


def test_what_was_changed_after_the_commit_that_landed_stays_with_its_worktree(
    context: Context, shop: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    hook(remote_of(shop), "post-receive", f"echo late > {job.worktree}/late.txt")

    landing = land(context, job)

    assert (landing.outcome, "its worktree stays" in landing.steps[-1]) == (Outcome.LANDED, True)
    assert Path(job.worktree, "late.txt").read_text() == "late\n"
    [now] = context.ledger.jobs([job.number])
    assert (now.state, now.landed_sha) == (JobState.REVIEW, landing.sha)


def test_a_turn_that_begins_while_its_work_is_pushed_keeps_its_worktree(
    context: Context, shop: Path, tmp_path: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    os.mkfifo(begun)
    os.mkfifo(gate)
    hook(shop, "pre-push", f"echo > {begun}; cat {gate}")
    with ThreadPoolExecutor(1) as pool:
        landing = pool.submit(land, context, job)
        begun.read_bytes()
        context.ledger.renew(job, {JobState.REVIEW}, order=-1, mode=RESUME)
        [again] = claimed(context)
        context.ledger.move(again.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
        gate.write_bytes(b"")

    over = landing.result()
    [now] = context.ledger.jobs([job.number])
    assert (over.outcome, now.state, is_on_remote(shop, "a.txt")) == (Outcome.LANDED, JobState.RUNNING, True)
    assert f"note its worktree stays: #{job.number}: its agent works" in over.steps[-1]
    assert Path(job.worktree).is_dir()


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_what_was_undone_comes_back_whole_with_what_its_agent_added(
    context: Context, shop: Path, strategy: str
) -> None:
    context.catalog.set("strategy", strategy)
    [job] = worked(context, shop, "a.txt")
    land(context, job, is_kept=True)
    land(context, job, is_revert=True)
    Path(job.worktree, "b.txt").write_text("the fix\n")

    landing = land(context, job)

    assert (landing.outcome, landing.problem) == (Outcome.LANDED, "")
    assert is_on_remote(shop, "a.txt")
    assert is_on_remote(shop, "b.txt")
    assert not Path(job.worktree).exists()


def test_what_was_undone_lands_again_without_a_change_and_can_be_undone_again(
    context: Context, shop: Path
) -> None:
    [job] = worked(context, shop, "a.txt")
    land(context, job, is_kept=True)
    land(context, job, is_revert=True)

    for _ in range(2):
        assert list_worktrees(context)["worktrees"][0]["work"] == Work.OPEN
        land(context, job, is_kept=True)
        assert is_on_remote(shop, "a.txt")
        land(context, job, is_revert=True)
        assert not is_on_remote(shop, "a.txt")


def test_work_whose_base_was_set_anew_brings_nothing_of_the_old_one_along(
    context: Context, shop: Path
) -> None:
    git(shop, "push", "-q", "origin", "main:release")
    git(shop, "fetch", "-q")
    git(shop, "commit", "-q", "--allow-empty", "-m", "unfinished")
    git(shop, "push", "-q")
    [job] = worked(context, shop, "a.txt")
    context.catalog.set("shop.base", "release")

    landing = land(context, job)

    assert landing.outcome is Outcome.REFUSED
    assert "1 commit that is not on origin/release" in landing.problem
    assert "unfinished" in landing.problem
    git(job.worktree, "rebase", "-q", "--onto", "origin/release", job.base_sha)
    assert land(context, job).outcome is Outcome.LANDED
    assert "unfinished" not in git(remote_of(shop), "log", "--format=%s", "release")


def test_of_a_base_that_was_asked_for_only_the_persons_own_commits_land_too(
    context: Context, shop: Path
) -> None:
    git(shop, "push", "-q", "origin", "main:release")
    git(shop, "fetch", "-q")
    git(shop, "commit", "-q", "--allow-empty", "-m", "mine")
    context.catalog.set("shop.base", "release")
    [job] = worked(context, shop, "a.txt", base="HEAD")

    landing = land(context, job)

    assert landing.outcome is Outcome.LANDED
    assert re.search(r"with 1 commit that is not on origin/release: \w+ mine", landing.steps[0])
    git(shop, "commit", "-q", "--allow-empty", "-m", "of main")
    git(shop, "push", "-q")
    [job] = worked(context, shop, "b.txt", base="HEAD")
    assert land(context, job).outcome is Outcome.REFUSED


def test_what_was_taken_out_of_a_rewound_base_does_not_come_back(context: Context, shop: Path) -> None:
    git(shop, "commit", "-q", "--allow-empty", "-m", "a secret")
    git(shop, "push", "-q")
    [job] = worked(context, shop, "a.txt")
    git(remote_of(shop), "update-ref", "refs/heads/main", "main~1")

    landing = land(context, job)

    assert (landing.outcome, "a secret" in landing.problem) == (Outcome.REFUSED, True)
    assert git(remote_of(shop), "log", "--format=%s", "main") == "first"


def test_jobs_that_may_not_land_say_what_to_do_instead(context: Context, shop: Path) -> None:
    [working] = running(context, "shop", "h:1", cwd=shop)
    dropped, in_place = worked(context, shop, "a.txt", count=2)
    context.ledger.settle(dropped.number, {JobState.REVIEW}, JobState.DROPPED)
    context.ledger.note(in_place.number, is_in_place=1)

    for job, words in (
        (working, "its agent works"),
        (dropped, "aios trash restore"),
        (in_place, "aios push"),
    ):
        with pytest.raises(ConflictError, match=words):
            request_landings(context, LandingRequest(refs=[str(job.number)], cwd="/", environment={}))


def test_kept_work_stays_in_review_and_what_landed_of_it_can_be_undone(context: Context, shop: Path) -> None:
    [job] = worked(context, shop, "a.txt")

    landing = land(context, job, is_kept=True, message="my own words")
    [kept] = context.ledger.jobs([job.number])
    undone = land(context, job, is_revert=True)
    again = land(context, job, is_revert=True)

    assert landing.outcome is Outcome.LANDED
    assert (kept.state, Path(job.worktree).is_dir()) == (JobState.REVIEW, True)
    assert git(remote_of(shop), "log", "-1", "--format=%s", kept.landed_sha) == "my own words"
    assert undone.outcome is Outcome.LANDED
    assert not is_on_remote(shop, "a.txt")
    assert again.outcome is Outcome.NOTHING


def test_the_rivals_of_the_one_that_was_picked_go_to_the_trash(context: Context, shop: Path) -> None:
    best, other, third = worked(context, shop, "a.txt", count=3)
    asked = LandingRequest(refs=(), cwd="/", environment={}, is_confirmed=False)

    question = request_pick(context, best, asked)
    request_pick(context, best, replace(asked, is_confirmed=True))
    landing = finish(context, best)

    assert question["question"] == f"Land #{best.number} and drop 2 rivals?"
    assert len(question["names"]) == 3
    assert landing.outcome is Outcome.LANDED
    states = [job.state for job in context.ledger.jobs([best.number, other.number, third.number])]
    assert states == [JobState.LANDED, JobState.DROPPED, JobState.DROPPED]
    assert not Path(other.worktree).exists()
    assert len(git(shop, "for-each-ref", "refs/aios/trash").splitlines()) == 3


def test_several_jobs_are_asked_for_first_and_then_land_one_after_another(
    context: Context, shop: Path
) -> None:
    jobs = worked(context, shop, count=3)
    for job in jobs:
        Path(job.worktree, f"{job.number}.txt").write_text("mine\n")
    run = f"r{jobs[0].run}"
    asked = LandingRequest(refs=[run], cwd="/", environment={}, is_confirmed=False)

    question = request_landings(context, asked)
    answer = request_landings(context, replace(asked, is_confirmed=True))
    landings = [finish(context, job) for job in jobs]

    assert question["question"] == "Land 3 jobs?"
    assert [landing["place"] for landing in answer["landings"]] == [1, 2, 3]
    assert [landing.outcome for landing in landings] == [Outcome.LANDED] * 3
    assert all(is_on_remote(shop, f"{job.number}.txt") for job in jobs)


def test_without_a_remote_the_base_is_moved_or_the_commit_is_kept(context: Context, shop: Path) -> None:
    git(shop, "remote", "remove", "origin")
    first, second = worked(context, shop, count=2)
    Path(first.worktree, "a.txt").write_text("a\n")
    Path(second.worktree, "b.txt").write_text("b\n")

    moved = land(context, first)
    (shop / "b.txt").write_text("the person's own\n")
    refused = land(context, second)

    assert moved.outcome is Outcome.LANDED
    assert (shop / "a.txt").read_text() == "a\n"
    assert refused.outcome is Outcome.REFUSED
    assert (shop / "b.txt").read_text() == "the person's own\n"
    kept = refused.problem.split()[-1]
    assert git(shop, "show", f"{kept}:b.txt") == "b"
    assert Path(second.worktree).is_dir()


@pytest.mark.parametrize("strategy", ["squash", "rebase"])
def test_a_project_lands_in_the_way_that_it_is_set_to(context: Context, shop: Path, strategy: str) -> None:
    context.catalog.set("shop.strategy", strategy)
    context.catalog.set("shop.fast_forward", "off")
    first, second = worked(context, shop, count=2)
    for job in (first, second):
        Path(job.worktree, f"{job.number}.txt").write_text("mine\n")
        land(context, job)

    history = git(remote_of(shop), "log", "--format=%s", "main").splitlines()
    assert history == ["fix the login", "fix the login", "first"]
    assert git(shop, "rev-parse", "main") == git(shop, "rev-parse", "main~0", "--")[:40]
    assert git(shop, "log", "--format=%s", "main") == "first"
    assert [job.state for job in context.ledger.jobs([first.number, second.number])] == [JobState.LANDED] * 2
