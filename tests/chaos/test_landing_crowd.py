"""Fifty jobs of two machines that land on one branch, while others push to it and a person works on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from aios_app.domain.landing import Landing, Outcome
from aios_app.domain.models import Job, JobState
from aios_app.ledger import keys
from aios_app.ledger.connection import connect
from tests.chaos.bystanders import Desk, Foreigners
from tests.chaos.fleet import Fleet
from tests.chaos.landings import (
    Shop,
    ask,
    check_history,
    check_landed,
    check_only_forward,
    is_on,
    is_whole,
    merged_jobs,
    outcomes,
    shop,
    worked,
)
from tests.chaos.outpost import Outpost

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

#: Of each machine: jobs that touch what no other does, and jobs that all change the same line.
FREE, CLASHING = 22, 3
#: So many jobs are asked for at once.
GROUP = 5


@pytest.fixture(scope="module")
def outpost(fleet: Fleet) -> Iterator[Outpost]:
    """Another machine, whose worker works for the fleet's Redis."""
    root = Path(tempfile.mkdtemp(prefix="aios-o-", dir="/tmp"))
    built = Outpost(root, fleet)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in built.environment.items():
                patch.setenv(name, value)
            built.begin()
            yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)


def test_fifty_jobs_of_two_machines_land_in_line_while_others_push_to_the_branch(
    fleet: Fleet, outpost: Outpost
) -> None:
    place = shop(fleet, "crowd")
    mine = Desk(fleet, place)
    far_place = outpost.clone(place)
    near, far = crowd_of(fleet, outpost, place, far_place)
    mine.edit()
    before = fleet.git(place.path, "rev-parse", "HEAD", "main")
    fleet.arm("push-before")
    asked = [ask(fleet, near[0])]
    fleet.await_point()
    for at in range(0, len(far), GROUP):
        asked.append(ask(fleet, *near[max(1, at) : at + GROUP]))
        outpost.ask(*far[at : at + GROUP])
    line = standing(fleet, near[0], len(near) + len(far))

    with Foreigners(fleet, place) as foreigners:
        fleet.go()
        fleet.eventually(lambda: len(merged_jobs(fleet, place.remote)) > len(line) // 4)
        fleet.kill("worker")
        landings = over(fleet, [*near, *far])

    for one in asked:
        assert set(outcomes(one)) <= {"landed", "conflict"}
    landed = [number for number in line if landings[number].outcome is Outcome.LANDED]
    refused = [number for number in line if landings[number].outcome is Outcome.CONFLICT]
    assert (len(landed), len(refused)) == (2 * FREE + 1, 2 * CLASHING - 1)
    assert merged_jobs(fleet, place.remote) == landed
    check_landed(fleet, place, near[:FREE])
    check_landed(fleet, far_place, far[:FREE])
    subjects = fleet.git(place.remote, "log", "--format=%s", "main").splitlines()
    assert foreigners.pushed
    assert [subjects.count(one) for one in foreigners.pushed] == [1] * len(foreigners.pushed)
    check_only_forward(fleet, place)
    check_still_there(fleet, [job for job in (*near, *far) if job.number in refused])
    assert fleet.git(place.path, "rev-parse", "HEAD", "main") == before
    mine.check_untouched()
    mine.commit_all()
    fleet.git(place.path, "pull", "-q", "--no-rebase", "--no-edit")
    assert all(is_on(fleet, place.path, job) for job in (*near[:FREE], *far[:FREE]))


def test_without_a_remote_work_lands_beside_a_persons_edits_and_never_over_them(fleet: Fleet) -> None:
    place = shop(fleet, "alone")
    fleet.git(place.path, "remote", "remove", "origin")
    mine = Desk(fleet, place)
    jobs = [*worked(fleet, place, "s:2", "write"), *worked(fleet, place, "s:1", "notes")]
    jobs += worked(fleet, place, "s:1", "write")
    mine.edit()

    came = outcomes(ask(fleet, *jobs))

    *landed, over_mine, last = jobs
    assert came == ["landed", "landed", "refused", "landed"]
    assert Path(over_mine.worktree, "notes.txt").read_text() == f"by {over_mine.number}\n"
    mine.check_untouched()
    mine.commit_all()
    check_history(fleet, place.path, [*landed, last])


def test_a_frozen_lander_that_wakes_late_is_refused(fleet: Fleet, outpost: Outpost) -> None:
    place = shop(fleet, "frozen")
    far_place = outpost.clone(place)
    [near] = worked(fleet, place, "s:1", "write")
    [far] = reviewed(fleet, [outpost.start_here(far_place, "s:1", "write")])
    outpost.arm("push-before")
    outpost.ask(far)
    outpost.await_point()
    asked = ask(fleet, near)
    standing(fleet, far, 2)

    with outpost.frozen("worker"):
        outpost.let_time_pass(far, watcher=fleet.machine)
        assert outcomes(asked) == ["landed"]
        assert "did not go on" in over(fleet, [far])[far.number].problem
    outpost.go()
    outpost.eventually(lambda: "landing overtaken" in outpost.log.read_text())

    assert merged_jobs(fleet, place.remote) == [near.number]
    assert (is_whole(far), fleet.job(far.number).state) == (True, JobState.REVIEW)
    outpost.ask(far)
    fleet.eventually(lambda: fleet.job(far.number).state is JobState.LANDED)
    over(fleet, [far])
    check_landed(fleet, far_place, [far])
    check_only_forward(fleet, place)


def crowd_of(fleet: Fleet, outpost: Outpost, place: Shop, far_place: Shop) -> tuple[list[Job], list[Job]]:
    """The jobs of both machines, in review; those that clash come last."""
    specs = [(f"s:{FREE}", "write"), (f"s:{CLASHING}", "clash")]
    near = [fleet.start("multi", place.name, *spec) for spec in specs]
    far = [outpost.start_here(far_place, *spec) for spec in specs]
    return reviewed(fleet, near), reviewed(fleet, far)


def reviewed(fleet: Fleet, runs: Sequence[int]) -> list[Job]:
    return [job for run in runs for job in fleet.settle(run, JobState.REVIEW)]


def standing(fleet: Fleet, head: Job, count: int) -> list[int]:
    """The jobs in the line of ``head``, in their order, once there are so many."""
    landing = fleet.ledger.lines.landing(head.number)
    assert landing is not None
    client = connect(fleet.ledger.url)
    try:
        fleet.eventually(lambda: client.llen(keys.line(landing.line)) == count)
        return [int(number) for number in client.lrange(keys.line(landing.line), 0, -1)]
    finally:
        client.close()


def over(fleet: Fleet, jobs: Sequence[Job]) -> dict[int, Landing]:
    """What came of each landing, once all are over."""
    landings: dict[int, Landing] = {}

    def is_so() -> bool:
        for job in jobs:
            landing = fleet.ledger.lines.landing(job.number)
            if landing is not None and landing.outcome is not None:
                landings[job.number] = landing
        return len(landings) == len(jobs)

    fleet.eventually(is_so, lambda: f"{len(landings)} of {len(jobs)}", deadline_s=120)
    return landings


def check_still_there(fleet: Fleet, refused: Sequence[Job]) -> None:
    for job in refused:
        assert Path(job.worktree, "README.md").read_text() == f"by {job.number}\n"
        assert fleet.job(job.number).state is JobState.REVIEW
