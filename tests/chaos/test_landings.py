"""Landings whose worker, Redis or remote fails at each step: on the remote, or in the worktree, never neither."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.chaos.fleet import ALL, Fleet
from tests.chaos.landings import (
    ask,
    check_landed,
    check_never_neither,
    check_only_forward,
    file_of,
    is_whole,
    merged_jobs,
    outcomes,
    shop,
    worked,
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

#: The steps of a landing, each a git command.
STEPS = ("commit", "fetch", "worktree", "merge", "push", "verify", "forward", "trash", "branch")


@pytest.mark.parametrize("step", STEPS)
def test_a_landing_goes_on_whose_worker_is_killed_before_a_step_and_again_after_it(
    fleet: Fleet, step: str
) -> None:
    place = shop(fleet, f"land-{step}")
    jobs = worked(fleet, place, "v:2", "open")
    fleet.arm(f"{step}-before")
    asked = ask(fleet, *jobs)
    fleet.await_point()
    with fleet.recovery(f"kill -9 of worker and its git, {step} of a landing"):
        fleet.kill("worker")
        for program in fleet.clients("git"):
            program.kill()
        check_never_neither(fleet, place, jobs)
        fleet.arm(f"{step}-after")
        fleet.await_point()

    with fleet.recovery(f"kill -9 of worker, after {step} of a landing"):
        fleet.kill("worker")
        check_never_neither(fleet, place, jobs)
        fleet.go()
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


@pytest.mark.parametrize("point", ["commit-after", "push-before", "push-after", "branch-before"])
def test_a_landing_goes_on_when_a_killed_redis_is_back(fleet: Fleet, point: str) -> None:
    place = shop(fleet, f"redis-{point}")
    jobs = worked(fleet, place, "v:2", "open")
    fleet.arm(point)
    asked = ask(fleet, *jobs)
    fleet.await_point()

    with fleet.recovery(f"kill -9 of Redis, {point.replace('-', ' ')} of a landing"):
        fleet.kill("redis")
        fleet.go()
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


def test_a_landing_goes_on_after_everything_was_killed_at_its_push(fleet: Fleet) -> None:
    place = shop(fleet, "land-all")
    jobs = worked(fleet, place, "s:2", "write")
    fleet.arm("push-after")
    with ask(fleet, *jobs) as asked:
        fleet.await_point()
        asked.kill()

    with fleet.recovery("kill -9 of all, push after of a landing"):
        fleet.kill(*ALL)
        check_never_neither(fleet, place, jobs)
        fleet.go()
        fleet.ok("up")
        assert outcomes(ask(fleet, *jobs)) == ["landed", "landed"]

    check_landed(fleet, place, jobs)


def test_a_worktree_that_is_half_deleted_at_the_kill_goes_whole_and_lands_no_deletion(fleet: Fleet) -> None:
    place = shop(fleet, "half")
    (place.path / ".git" / "info" / "exclude").write_text("cache/\n")
    jobs = worked(fleet, place, "s:2", "write")
    cache = Path(jobs[0].worktree, "cache")
    cache.mkdir()
    for number in range(20_000):
        (cache / str(number)).touch()

    asked = ask(fleet, *jobs)
    fleet.eventually(lambda: not (cache / "0").exists())
    with fleet.recovery("kill -9 of worker, half of the worktree is deleted"):
        fleet.kill("worker")
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)


def test_a_push_that_outlives_its_worker_and_comes_late_is_refused(fleet: Fleet) -> None:
    place = shop(fleet, "late")
    jobs = worked(fleet, place, "s:2", "write")
    fleet.arm("push-before")
    asked = ask(fleet, *jobs)
    fleet.await_point()
    orphans = fleet.clients("git")
    with fleet.recovery("kill -9 of worker, its push goes on after the end"):
        fleet.kill("worker")
        assert outcomes(asked) == ["landed", "landed"]

    fleet.go()
    psutil.wait_procs(orphans, timeout=10)

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


def test_a_red_check_in_the_middle_of_the_line_stops_nobody_else(fleet: Fleet) -> None:
    place = shop(fleet, "red")
    jobs = worked(fleet, place, "s:3", "write")
    first, red, last = jobs
    fleet.ok("config", "red.check", f"test ! -e {file_of(red)}")

    came = outcomes(ask(fleet, *jobs))

    assert came == ["landed", "red", "landed"]
    assert is_whole(red)
    assert merged_jobs(fleet, place.remote) == [first.number, last.number]
    check_landed(fleet, place, [first, last])
