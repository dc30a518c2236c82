"""Two machines: projects on either or on both, work that goes where there is room and goes on elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.machines import Founder, Member, machines
from tests.acceptance.stack import QUICK
from tests.conftest import new_project

pytestmark = [pytest.mark.timeout(90), pytest.mark.long]
Pair = tuple[Founder, Member]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Machines box, with project shop, and pi, with wiki; both may clone api, and its work is pushed."""
    with machines() as (box, pi):
        box.ok("config", "machine_name", "box")
        box.project("shop")
        pi.ok("config", "machine_name", "pi")
        pi.project("wiki")
        pi.join(box.token())
        new_project(box.root, box.environment, "api")
        pi.ok("add", f"file://{box.root}/remotes/api.git")
        box.ok("config", "api.wip", "on")
        yield box, pi


def machine_of(pair: Pair, job: Job) -> str:
    """The name of the job's machine."""
    return {stack.machine: name for stack, name in zip(pair, ("box", "pi"), strict=True)}[job.machine]


def test_one_command_reaches_every_project_wherever_it_is(pair: Pair) -> None:
    box, pi = pair
    assert [line.split()[1] for line in box.ok("p").splitlines()] == ["shop", "wiki", "api"]

    run = pi.start("all", "d:2", QUICK)

    jobs = box.until_all(run, JobState.REVIEW)
    places = [(job.project, machine_of(pair, job)) for job in jobs]
    assert places[:4] == [("shop", "box"), ("shop", "box"), ("wiki", "pi"), ("wiki", "pi")]
    assert sorted(places[4:]) == [("api", "box"), ("api", "pi")]
    for job in jobs:
        assert len((box if job.machine == box.machine else pi).sessions([job])) == 1
    answer = json.loads(box.ok("jobs", f"r{run}", "--json"))
    assert {one["name"] for one in answer["machines"]} == {"box", "pi"}


def test_work_that_was_stopped_on_one_machine_goes_on_on_the_other(pair: Pair) -> None:
    box, pi = pair
    run = box.start("multi", "api", "d:1", "--machine", "pi", QUICK)
    [job] = box.until_all(run, JobState.REVIEW)
    box.await_event(lambda: bool(box.job(job.number).wip))
    box.ok("stop", str(job.number))
    box.until_all(run, JobState.STOPPED)

    box.ok("retry", str(job.number), "--machine", "box")

    [again] = box.until_all(run, JobState.REVIEW)
    assert [machine_of(pair, one) for one in (job, again)] == ["pi", "box"]
    assert again.placed == "--machine box"
    commits = box.git(Path(again.worktree), "log", "--format=%an %s", f"{again.base_sha}..").splitlines()
    first = pi.git(Path(job.worktree), "log", "--format=%an %s", f"{job.base_sha}..").splitlines()
    assert (len(commits), commits[1:]) == (2, first)


def test_a_machine_that_is_down_keeps_only_its_own_jobs_waiting(pair: Pair) -> None:
    box, pi = pair
    pi.ok("down")

    run = box.start("all", "d:1", QUICK)

    jobs = box.until(run, lambda jobs: [job.state.value for job in jobs].count("review") == 2)
    [waiting] = [job for job in jobs if job.state is JobState.QUEUED]
    assert waiting.project == "wiki"
    assert waiting.reason.startswith("for machine pi: unreachable since ")
    pi.ok("up")
    box.until_all(run, JobState.REVIEW)


def test_what_a_machine_had_when_it_was_removed_goes_on_on_another(pair: Pair) -> None:
    box, pi = pair
    run = box.start("multi", "api", "d:1", "--machine", "pi", QUICK)
    [job] = box.until_all(run, JobState.REVIEW)
    box.await_event(lambda: bool(box.job(job.number).wip))
    pi.ok("down")
    box.ok("machines", "remove", "pi", "-y")
    assert box.job(job.number).state is JobState.LOST

    box.ok("retry", str(job.number))

    [again] = box.until_all(run, JobState.REVIEW)
    assert (again.machine, again.base_sha) == (box.machine, job.base_sha)
    commits = box.git(Path(again.worktree), "log", "--format=%s", f"{again.base_sha}..").splitlines()
    assert len(commits) == 2
    done = box.run("all", "d:1", "--dry-run", QUICK)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "dry run: 2 jobs in 2 projects")
    assert "skipped wiki: wiki is on a machine that is not of this cluster any more" in done.stderr
