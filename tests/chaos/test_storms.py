"""Kill after kill, wherever the work just is."""

from __future__ import annotations

import random
import time

import pytest

from aios_app.domain.errors import QueueError
from aios_app.domain.models import LIVE_STATES, JobState
from tests.chaos.fleet import ALL, Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

#: Kills per storm.
KILLS = 8


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.sweep) for seed in (1, 2))])
def test_no_job_is_lost_or_started_twice_in_a_storm_of_kills(fleet: Fleet, seed: int) -> None:
    """After some events of the ledger, as the seed has it, a program is killed, and so on."""
    dice = random.Random(seed)  # noqa: S311 - a storm that can be repeated
    names = [f"storm-{seed}-{letter}" for letter in "abc"]
    fleet.add(*names)
    fleet.ok("config", "max_agents", "4")
    try:
        runs = [
            fleet.start("all", "s:2", "v:1", "--only", f"storm-{seed}-*", "--seq", "turn"),
            fleet.start("all", "s:4", "--only", f"storm-{seed}-*", "quick"),
        ]
        for _ in range(KILLS):
            await_events(fleet, dice.randint(1, 12))
            fleet.kill(dice.choice(["worker", "worker", "web", "redis"]))
        with fleet.recovery(f"storm of {KILLS} kills over 21 jobs, then kill -9 of all"):
            fleet.kill(*ALL)
            fleet.ok("up")
            jobs = [job for run in runs for job in fleet.settle(run, JobState.REVIEW)]
    finally:
        fleet.ok("config", "max_agents", "60")

    assert len(jobs) == 21
    fleet.check_started_once(jobs)
    fleet.check_one_of_each()


def await_events(fleet: Fleet, count: int) -> None:
    """Returns after so many events of the ledger, or when nothing is left to happen."""
    deadline = time.monotonic() + 5
    while count > 0 and time.monotonic() < deadline:
        try:
            if not fleet.ledger.jobs_in(LIVE_STATES):
                return
            if fleet.ledger.wait_event(fleet.ledger.last_event_id(), timeout_s=0.5):
                count -= 1
        except QueueError:
            count -= 1
