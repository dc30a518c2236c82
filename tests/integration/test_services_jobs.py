"""Finding, listing, retrying and stopping jobs; no worker takes the tasks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import BadValue, NotNow, UnknownAgent, UnknownJob
from aios_app.domain.models import Job, JobState
from aios_app.git.repository import find_repository
from aios_app.git.worktrees import add_worktree, write_metadata
from aios_app.services.attach_job import attach_job
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.find_jobs import find_jobs, list_jobs, list_most, list_runs
from aios_app.services.finish_job import finish_attempt, finish_turn
from aios_app.services.retry_jobs import retry_jobs
from aios_app.services.stop_jobs import stop_jobs
from tests.integration.service_fixtures import attempt_of, claimed, now, running, started

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context) -> Context:
    """With the stand-in agent and room for four."""
    context.catalog.put_agent(DEMO_AGENT)
    context.ledger.set_machine(context.machine, max_agents=4)
    return context


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    ctx.catalog.add_project(root)
    return root


def numbers(jobs: list[Job]) -> list[int]:
    return [job.number for job in jobs]


def fail(ctx: Context, job: Job) -> None:
    """The job's agent exited with an error."""
    assert finish_attempt(ctx, attempt_of(ctx, job), JobState.FAILED, "exited 7")


# Finding


def test_jobs_are_found_by_number_run_part_of_the_name_and_each_once(ctx: Context, shop: Path) -> None:
    jobs = started(ctx, "d:2", "x", cwd=shop) + started(ctx, "c:1", "x", cwd=shop)

    assert numbers(find_jobs(ctx, ["2"], "/")) == [2]
    assert numbers(find_jobs(ctx, ["r1"], "/")) == [1, 2]
    assert numbers(find_jobs(ctx, ["codex"], "/")) == [3]
    assert numbers(find_jobs(ctx, [jobs[0].name], "/")) == [1]
    assert numbers(find_jobs(ctx, ["3", "r1", "1", "codex"], "/")) == [3, 1, 2]


def test_a_dot_is_the_worktree_that_the_person_is_in(ctx: Context, shop: Path, short_path: Path) -> None:
    [job] = started(ctx, "d:1", "x", cwd=shop)
    worktree = short_path / "tree"
    head = (shop / ".git" / "refs" / "heads" / "main").read_text().strip()
    add_worktree(find_repository(shop), path=worktree, branch="aios/1-x", sha=head)
    write_metadata(worktree, {"job": job.number})
    (worktree / "src").mkdir()

    assert numbers(find_jobs(ctx, ["."], os.fspath(worktree / "src"))) == [job.number]
    with pytest.raises(UnknownJob, match="is not in a worktree of a job"):
        find_jobs(ctx, ["."], os.fspath(shop))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("99", "no job 99"),
        ("r99", "no run r99"),
        ("9" * 5000, "no job 9999"),
        ("r" + "9" * 5000, "no run r9999"),
        ("nothing", "no job's name holds 'nothing'"),
        ("shpo", r"no job's name holds 'shpo': did you mean shop\? \(aios jobs"),
        ("shop", r"in the names of 2 jobs \(1, 2\)"),
        ("\u0663", "no job's name holds"),
        ("", "no job's name holds"),
    ],
)
def test_what_means_no_job_or_several_is_refused(ctx: Context, shop: Path, word: str, said: str) -> None:
    started(ctx, "d:2", "x", cwd=shop)

    with pytest.raises(UnknownJob, match=said):
        find_jobs(ctx, [word], "/")


# Listing


def test_lists_begin_with_what_needs_a_person_and_leave_out_what_was_not_asked_for(
    ctx: Context, shop: Path
) -> None:
    one, two, three, four, _, _ = running(ctx, "d:6", "x", cwd=shop)
    fail(ctx, one)
    finish_turn(ctx, attempt_of(ctx, two))
    ctx.ledger.move(three.attempt, {JobState.RUNNING}, JobState.WAITING, question="?")
    finish_attempt(ctx, attempt_of(ctx, four), JobState.LANDED)

    everything = list_jobs(ctx, "all", None)

    assert [job.state.value for job in everything][:3] == ["waiting", "failed", "review"]
    assert everything[-1].state is JobState.LANDED
    assert list_jobs(ctx, "default", None) == everything  # what was landed today is shown
    assert two.number not in numbers(list_jobs(ctx, "running", None))
    assert numbers(list_jobs(ctx, "running", 1)) == numbers(list_jobs(ctx, "running", None))
    assert numbers(list_jobs(ctx, "default", 1)) == numbers(everything)
    with pytest.raises(BadValue, match="some"):
        list_jobs(ctx, "some", None)


def test_the_first_of_a_list_are_those_that_need_a_person_and_the_others_are_counted(
    ctx: Context, shop: Path
) -> None:
    one, two, three, _ = running(ctx, "d:4", "x", cwd=shop)
    finish_turn(ctx, attempt_of(ctx, two))
    fail(ctx, three)

    jobs, left_out = list_most(ctx, "default", 2)

    assert numbers(jobs) == [three.number, two.number]
    assert left_out == {"running": 2}
    jobs, left_out = list_most(ctx, "running", 1)
    assert (numbers(jobs), left_out) == ([one.number], {"running": 1})


def test_a_job_that_lands_while_jobs_are_listed_is_listed_once(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop)
    finish_attempt(ctx, attempt_of(ctx, job), JobState.REVIEW)
    sides, is_over = [JobState.LANDED, JobState.REVIEW], Event()

    def land_and_restore() -> None:
        while not is_over.is_set():
            for here, there in (sides[::-1], sides):
                ctx.ledger.settle(job.number, [here], there)

    with ThreadPoolExecutor() as pool:
        moving = pool.submit(land_and_restore)
        lists = [numbers(list_jobs(ctx, "default", None)) for _ in range(40)]
        is_over.set()

    moving.result()
    assert max(map(len, lists)) == 1


def test_runs_are_listed_newest_first_with_their_counts(ctx: Context, shop: Path) -> None:
    running(ctx, "d:2", "the first", cwd=shop)
    running(ctx, "d:3", "the second", cwd=shop, is_sequential=True)

    second, first = list_runs(ctx)

    assert (first["number"], first["title"], first["states"]) == (1, "the first", {"running": 2})
    assert (second["is_sequential"], second["stage"], second["stages"]) == (True, 0, 3)
    assert second["states"] == {"running": 1, "queued": 2}


# Retrying


def test_a_retry_is_a_further_attempt_in_the_same_worktree(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop)
    fail(ctx, job)

    answer = retry_jobs(ctx, now(ctx, [job]), agent="", is_fresh=False)

    [again] = now(ctx, [job])
    assert answer == {"jobs": [again.to_json()], "problems": []}
    assert (again.state, again.attempt_no, again.cause, again.finished_ms) == (JobState.QUEUED, 2, "", 0)
    assert (again.worktree, again.branch) == (job.worktree, job.branch)
    assert again.attempt != job.attempt


def test_a_fresh_retry_has_a_new_worktree_and_branch_each_time(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop)
    fail(ctx, job)
    retry_jobs(ctx, now(ctx, [job]), agent="", is_fresh=True)
    [second] = claimed(ctx)
    fail(ctx, second)
    retry_jobs(ctx, now(ctx, [job]), agent="", is_fresh=True)

    [third] = now(ctx, [job])
    assert (second.worktree, second.branch) == (f"{job.worktree}-a2", f"{job.branch}-a2")
    assert (third.worktree, third.branch) == (f"{job.worktree}-a3", f"{job.branch}-a3")
    assert (third.base_ref, third.base_sha) == ("", "")


def test_a_fresh_retry_begins_at_what_the_base_is_by_then(
    ctx: Context, shop: Path, environment: dict[str, str]
) -> None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=shop, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    [job] = started(ctx, "d:1", "x", cwd=shop)
    claimed(ctx)
    create_worktree(ctx, job.attempt)
    fail(ctx, job)
    git("commit", "-q", "--allow-empty", "-m", "later")
    git("push", "-q")

    retry_jobs(ctx, now(ctx, [job]), agent="", is_fresh=True)
    [again] = claimed(ctx)
    create_worktree(ctx, again.attempt)

    assert now(ctx, [job])[0].base_sha == git("rev-parse", "HEAD")


def test_a_retry_by_another_agent_takes_its_program_and_prompt(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop)
    fail(ctx, job)

    retry_jobs(ctx, now(ctx, [job]), agent="claude", is_fresh=False)

    [again] = now(ctx, [job])
    assert (again.agent_key, again.agent, again.name) == ("l", "claude", job.name)
    assert ctx.ledger.run_agent(1, "l").name == "claude"
    assert ctx.ledger.run_agent(1, "d").name == "demo"
    fail(ctx, claimed(ctx)[0])
    with pytest.raises(UnknownAgent):
        retry_jobs(ctx, now(ctx, [job]), agent="zz", is_fresh=False)


def test_of_a_run_only_what_went_wrong_is_tried_again(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:3", "x", cwd=shop)
    fail(ctx, jobs[0])
    finish_attempt(ctx, attempt_of(ctx, jobs[1]), JobState.STOPPED)

    answer = retry_jobs(ctx, now(ctx, jobs), agent="", is_fresh=False)

    assert [job["number"] for job in answer["jobs"]] == [1, 2]
    assert answer["problems"] == []
    nothing = retry_jobs(ctx, now(ctx, jobs[2:]), agent="", is_fresh=False)
    assert nothing == {
        "jobs": [],
        "problems": [{"job": 3, "message": "#3 is running: nothing to retry"}],
    }


def test_a_retried_job_does_not_count_for_its_stage_again(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:2", "x", cwd=shop, is_sequential=True)
    fail(ctx, jobs[0])
    retry_jobs(ctx, now(ctx, jobs[:1]), agent="", is_fresh=False)
    ctx.ledger.claim(ctx.machine)
    fail(ctx, now(ctx, jobs[:1])[0])

    assert ctx.ledger.run(1)["stage"] == "1"
    assert [job.state.value for job in now(ctx, jobs)] == ["failed", "preparing"]


# Stopping


def test_what_has_not_begun_is_stopped_at_once_and_never_begins(ctx: Context, shop: Path) -> None:
    ctx.ledger.set_machine(ctx.machine, max_agents=1)
    jobs = running(ctx, "d:3", "x", cwd=shop)

    results = stop_jobs(ctx, jobs, all_processes=False)

    assert [result["outcome"] for result in results] == ["stopping", "stopped", "stopped"]
    stopped = now(ctx, jobs)[1:]
    assert {(job.state, job.cause) for job in stopped} == {(JobState.STOPPED, "not started")}
    assert claimed(ctx) == []


def test_of_a_sequence_that_is_stopped_nothing_begins(ctx: Context, shop: Path) -> None:
    jobs = running(ctx, "d:3", "x", cwd=shop, is_sequential=True)

    stop_jobs(ctx, jobs, all_processes=False)
    finish_attempt(ctx, attempt_of(ctx, jobs[0]), JobState.STOPPED)

    assert {job.state for job in now(ctx, jobs)} == {JobState.STOPPED}


def test_what_has_ended_already_is_said_to_have(ctx: Context, shop: Path) -> None:
    [job] = running(ctx, "d:1", "x", cwd=shop)
    fail(ctx, job)

    [result] = stop_jobs(ctx, now(ctx, [job]), all_processes=False)

    assert (result["outcome"], result["job"]["state"]) == ("not running", "failed")


# Attaching


def test_a_job_without_a_session_that_could_come_says_what_to_do_instead(ctx: Context, shop: Path) -> None:
    ctx.ledger.set_machine(ctx.machine, max_agents=2)
    failed, stopped, queued = running(ctx, "d:3", "x", cwd=shop)
    [htop] = started(ctx, "h:1", cwd=shop)

    def refuses(job: Job, said: str) -> None:
        with pytest.raises(NotNow, match=said):
            attach_job(ctx, now(ctx, [job])[0], tmux="", read_only=False)

    refuses(queued, "#3 has not begun: it waits for a free slot")
    fail(ctx, failed)
    refuses(failed, r"is failed \(exited 7\): see aios logs 1, start it again with aios retry 1")
    finish_attempt(ctx, attempt_of(ctx, stopped), JobState.STOPPED)
    refuses(stopped, "is stopped: see aios logs 2")
    finish_attempt(ctx, attempt_of(ctx, htop), JobState.REVIEW)
    refuses(htop, "has ended: see aios logs 4, aios diff 4")
