"""The end of Redis, with and without its data."""

from __future__ import annotations

import shutil

import pytest

from aios_app.domain.models import JobState
from aios_app.ledger.connection import ANSWER_TIMEOUT_S
from aios_app.spool.files import pending_attempts
from tests.chaos.fleet import ALL, Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]


@pytest.mark.parametrize("point", ["fetch-before", "worktree-after", "session-before", "session-after"])
def test_a_killed_redis_comes_back_and_jobs_that_begin_go_on(fleet: Fleet, point: str) -> None:
    name = f"redis-{point}"
    fleet.add(name)
    with fleet.closed(name):
        fleet.arm(point)
        run = fleet.start("multi", name, "s:2", "hold")
        fleet.await_point()

        with fleet.recovery(f"kill -9 of Redis, {point.replace('-', ' ')}"):
            fleet.kill("redis")
            fleet.go()
            jobs = fleet.settle(run, JobState.RUNNING)

        fleet.check_sessions(jobs)
        fleet.check_no_limit()
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


def test_agents_that_end_while_redis_is_dead_have_ended_when_it_is_back(fleet: Fleet) -> None:
    fleet.add("redis-end")
    with fleet.closed("redis-end"):
        run = fleet.start("multi", "redis-end", "s:3", "v:3", "hold 5")
        jobs = fleet.settle(run, JobState.RUNNING)
        with fleet.frozen("supervisor"):
            fleet.kill("redis")
            fleet.release("redis-end")
            fleet.eventually(
                lambda: pending_attempts(fleet.settings.spool_dir) >= {job.attempt for job in jobs}
            )
    with fleet.recovery("kill -9 of Redis, 6 agents end meanwhile"):
        jobs = fleet.settle(run, JobState.FAILED)

    assert {job.cause for job in jobs} == {"exited 5"}
    fleet.check_started_once(jobs)


def test_what_fails_while_redis_hangs_is_made_good_when_it_answers(fleet: Fleet) -> None:
    """No connection breaks, so that nothing but the failed steps themselves tells of it."""
    fleet.add("redis-hang")
    with fleet.closed("redis-hang"):
        ending = fleet.start("multi", "redis-hang", "s:2", "hold 6")
        fleet.settle(ending, JobState.RUNNING)
        fleet.arm("session-after")
        beginning = fleet.start("multi", "redis-hang", "s:1", "turn")
        fleet.await_point()
        with fleet.frozen("redis"):
            fleet.go()
            fleet.release("redis-hang")
            fleet.outlast(ANSWER_TIMEOUT_S + 2)

    with fleet.recovery("Redis hangs for 17 s while a job begins and others end"):
        failed = fleet.settle(ending, JobState.FAILED)
        begun = fleet.settle(beginning, JobState.REVIEW)

    assert {job.cause for job in failed} == {"exited 6"}
    fleet.check_started_once([*failed, *begun])


def test_a_run_started_right_after_redis_died_is_refused_or_done_but_never_half(fleet: Fleet) -> None:
    fleet.add("redis-start")
    numbers = [fleet.start("multi", "redis-start", "s:1", "quick")]
    fleet.kill("redis")

    with fleet.recovery("kill -9 of Redis, a run is started at once"):
        done = fleet.run("multi", "redis-start", "s:2", "quick")
        fleet.eventually(lambda: fleet.run("multi", "redis-start", "s:1", "quick").returncode == 0)
        runs = [run for run in fleet.ledger.run_numbers() if run >= numbers[0]]
        jobs = [job for run in runs for job in fleet.settle(run, JobState.REVIEW)]

    assert done.returncode in {0, 4}, done
    assert len(jobs) in {2, 4}
    fleet.check_started_once(jobs)


@pytest.mark.parametrize("stack", ["is down", "lives"])
def test_without_its_data_redis_gets_all_jobs_back_and_gives_new_numbers(fleet: Fleet, stack: str) -> None:
    name = f"loss-{stack[-4:]}"
    fleet.add(f"{name}-a", f"{name}-b")
    with fleet.closed(f"{name}-a", f"{name}-b"):
        over = fleet.start("all", "s:1", "--only", f"{name}-*", "quick 3")
        fleet.settle(over, JobState.FAILED)
        fleet.eventually(lambda: all(job.measured_ms for job in fleet.jobs(over)))
        before = fleet.jobs(over)
        turns = fleet.start("multi", f"{name}-a", "v:1", "turn")
        fleet.settle(turns, JobState.REVIEW)
        working = fleet.start("all", "s:1", "--only", f"{name}-*", "--seq", "hold")
        fleet.running(working, 1)

        with fleet.recovery(f"all of Redis' data deleted, stack {stack}"):
            lose_data(fleet, stack)
            fleet.running(working, 1)
            assert fleet.settle(over, JobState.FAILED) == before
            (idle,) = fleet.settle(turns, JobState.REVIEW)

        fleet.check_sessions([idle, *fleet.running(working, 1)])
        fresh = fleet.start("multi", f"{name}-a", "s:1", "quick")
        assert fresh == working + 1
        assert [job.number for job in fleet.settle(fresh, JobState.REVIEW)] == [
            max(job.number for job in fleet.jobs(working)) + 1
        ]
    jobs = fleet.settle(working, JobState.REVIEW)
    fleet.check_started_once([*jobs, idle, *before])


def test_stopped_jobs_limits_and_setups_are_known_after_the_loss_of_redis(fleet: Fleet) -> None:
    fleet.add("known-a", "known-b")
    fleet.ok("config", "known-b.setup", "true")
    failing = fleet.start("all", "s:1", "--only", "known-*", "--seq", "--fail-fast", "quick 1")
    ends = [JobState.FAILED, JobState.STOPPED]
    fleet.eventually(lambda: [job.state for job in fleet.jobs(failing)] == ends)
    with fleet.closed("known-b"):
        working = fleet.start("multi", "known-b", "s:1", "--limit", "2h", "hold")
        (job,) = fleet.settle(working, JobState.RUNNING)
        fleet.check_only_limit("limit", job)

        with fleet.recovery("all of Redis' data deleted, stack is down"):
            lose_data(fleet, "is down")
            fleet.settle(working, JobState.RUNNING)

        assert [job.state for job in fleet.jobs(failing)] == ends
        fleet.check_only_limit("limit", job)
    fleet.check_started_once(fleet.settle(working, JobState.REVIEW))


def lose_data(fleet: Fleet, stack: str) -> None:
    if stack == "is down":
        fleet.ok("down")
        shutil.rmtree(fleet.settings.redis_dir)
    else:
        with fleet.frozen("supervisor"):
            fleet.kill("redis")
            shutil.rmtree(fleet.settings.redis_dir)
    fleet.ok("up")


def test_numbers_go_on_after_everything_was_killed_and_redis_data_deleted(fleet: Fleet) -> None:
    fleet.add("numbers")
    runs = [fleet.start("multi", "numbers", "s:3", "quick") for _ in range(2)]
    last = max(job.number for run in runs for job in fleet.jobs(run))

    with fleet.recovery("kill -9 of all and all of Redis' data deleted"):
        fleet.kill(*ALL)
        shutil.rmtree(fleet.settings.redis_dir)
        run = fleet.start("multi", "numbers", "s:1", "quick")  # which brings the stack back
        (job,) = fleet.settle(run, JobState.REVIEW)

    assert (run, job.number) == (runs[-1] + 1, last + 1)
    fleet.check_started_once([j for one in runs for j in fleet.settle(one, JobState.REVIEW)])
