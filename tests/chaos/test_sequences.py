"""``--seq`` goes on in order whatever is killed between its stages."""

from __future__ import annotations

from functools import partial

import pytest

from aios_app.domain.models import Job, JobState
from tests.chaos.fleet import ALL, Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

VICTIMS = {"worker": ("worker",), "web": ("web",), "Redis": ("redis",), "all": ALL}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_sequence_goes_on_in_order_after_a_kill_in_each_stage(fleet: Fleet, victim: str) -> None:
    names = [f"seq-{victim.lower()}-{stage}" for stage in range(3)]
    fleet.add(*names)
    with fleet.closed(*names):
        run = fleet.start("all", "s:2", "--only", f"seq-{victim.lower()}-*", "--seq", "hold")
        for name in names:
            now = work_of(fleet, run, name)
            assert started_in_order(fleet, run) == sorted(started_in_order(fleet, run))
            with fleet.recovery(f"kill -9 of {victim}, a stage of --seq ends"):
                fleet.kill(*VICTIMS[victim])
                fleet.release(name)
                if victim == "all":
                    fleet.ok("up")
                fleet.eventually(partial(are_over, fleet, now))

    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))
    assert started_in_order(fleet, run) == [0, 0, 1, 1, 2, 2]


def work_of(fleet: Fleet, run: int, name: str) -> list[Job]:
    """The two jobs of the stage, once their agents have begun."""
    fleet.eventually(lambda: {job.project for job in fleet.running(run, 2)} == {name})
    jobs = fleet.running(run, 2)
    fleet.eventually(lambda: {job for _, job in fleet.starts()} >= {job.number for job in jobs})
    return jobs


def are_over(fleet: Fleet, jobs: list[Job]) -> bool:
    return {fleet.job(job.number).state for job in jobs} == {JobState.REVIEW}


def started_in_order(fleet: Fleet, run: int) -> list[int]:
    """The stage of each start of the run's agents, in the order of the starts."""
    stages = {job.number: job.stage for job in fleet.jobs(run)}
    return [stages[job] for _, job in fleet.starts() if job in stages]
