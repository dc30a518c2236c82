"""kill -9 of each program of the stack, and of all of them, at each step of a job."""

from __future__ import annotations

import pytest

from aios_app.domain.models import JobState
from aios_app.spool.files import pending_attempts
from tests.chaos.fleet import ALL, Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

#: Where a program waits while something is killed: before and after git or tmux did its work.
BEFORE_WORK = (
    "fetch-before",
    "worktree-before",
    "worktree-after",
    "session-before",
    "session-after",
)
VICTIMS = {"worker": ("worker",), "web": ("web",), "supervisor": ("supervisor",), "all": ALL}
#: The worker and the whole are killed on every change, each other program by who sweeps all.
CASES = ["worker", "all", *(pytest.param(name, marks=pytest.mark.sweep) for name in ("web", "supervisor"))]


@pytest.mark.parametrize("victim", CASES)
@pytest.mark.parametrize("point", BEFORE_WORK)
def test_a_kill_before_the_agent_works_loses_nothing_and_starts_nothing_twice(
    fleet: Fleet, point: str, victim: str
) -> None:
    name = f"{point}-{victim}"
    fleet.add(name)
    with fleet.closed(name):
        fleet.arm(point)
        run = fleet.start("multi", name, "s:2", "hold")
        fleet.await_point()

        with fleet.recovery(f"kill -9 of {victim}, {point.replace('-', ' ')}"):
            fleet.kill(*VICTIMS[victim])
            bring_back(fleet, victim)
            fleet.go()
            jobs = fleet.settle(run, JobState.RUNNING)

        fleet.eventually(lambda: len({job for _, job in fleet.starts()} & {j.number for j in jobs}) == 2)
        fleet.check_sessions(jobs)
        fleet.check_no_limit()
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


def test_a_tmux_client_that_outlives_its_worker_starts_no_second_agent(fleet: Fleet) -> None:
    fleet.add("client")
    fleet.arm("session-before")
    run = fleet.start("multi", "client", "s:1", "quick")
    fleet.await_point()
    (client,) = fleet.clients()
    with fleet.recovery("kill -9 of worker, its tmux client asks after the end"):
        fleet.kill("worker")
        (job,) = fleet.settle(run, JobState.REVIEW)

    fleet.go()
    client.wait(timeout=10)

    fleet.eventually(lambda: fleet.tmux.find(job.name) is None)
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


@pytest.mark.parametrize("victim", ["worker", "all", "tmux server"])
def test_a_kill_during_the_setup_command_starts_nothing_twice(fleet: Fleet, victim: str) -> None:
    name = f"setup-{victim[:3]}"
    fleet.add(name)
    fleet.ok(
        "config", f"{name}.setup", f"echo >>{fleet.root}/{name}; flock -s {fleet.root}/gates/{name} true"
    )
    is_lost = victim == "tmux server"
    with fleet.closed(name):
        run = fleet.start("multi", name, "s:1", "quick")
        fleet.eventually((fleet.root / name).exists)
        with fleet.recovery(f"kill -9 of {victim}, setup command runs"):
            if is_lost:
                fleet.kill_tmux()
                fleet.settle(run, JobState.FAILED)
            else:
                fleet.kill(*VICTIMS[victim])
                bring_back(fleet, victim)
        fleet.release(name)
        (job,) = fleet.settle(run, JobState.FAILED if is_lost else JobState.REVIEW)

    assert job.cause == ("session lost" if is_lost else "")
    assert len((fleet.root / name).read_text().splitlines()) == 1
    assert [number for _, number in fleet.starts()].count(job.number) == (0 if is_lost else 1)


@pytest.mark.parametrize("victim", CASES)
def test_a_kill_while_the_agents_work_changes_nothing_for_them(fleet: Fleet, victim: str) -> None:
    name = f"running-{victim}"
    fleet.add(name)
    with fleet.closed(name):
        run = fleet.start("multi", name, "s:2", "hold")
        before = fleet.settle(run, JobState.RUNNING)

        with fleet.recovery(f"kill -9 of {victim}, agent works"):
            fleet.kill(*VICTIMS[victim])
            bring_back(fleet, victim)
            jobs = fleet.settle(run, JobState.RUNNING)

        assert [job.attempt for job in jobs] == [job.attempt for job in before]
        fleet.check_sessions(jobs)
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


@pytest.mark.parametrize("victim", CASES)
def test_an_end_that_nobody_read_before_the_kill_is_read_after_it(fleet: Fleet, victim: str) -> None:
    name = f"ending-{victim}"
    fleet.add(name)
    with fleet.closed(name):
        run = fleet.start("multi", name, "s:2", "hold 3")
        attempts = {job.attempt for job in fleet.settle(run, JobState.RUNNING)}
        with fleet.frozen("worker"):
            fleet.release(name)
            fleet.eventually(lambda: pending_attempts(fleet.settings.spool_dir) >= attempts)
            fleet.kill(*VICTIMS[victim])
    with fleet.recovery(f"kill -9 of {victim}, agent has ended"):
        bring_back(fleet, victim)
        jobs = fleet.settle(run, JobState.FAILED)

    assert {job.cause for job in jobs} == {"exited 3"}
    fleet.check_started_once(jobs)


@pytest.mark.parametrize("victim", CASES)
def test_a_kill_while_the_end_is_noted_loses_nothing_of_it(fleet: Fleet, victim: str) -> None:
    name = f"measuring-{victim}"
    fleet.add(name)
    fleet.arm("diff-before")
    run = fleet.start("multi", name, "s:2", "quick")
    fleet.await_point()

    with fleet.recovery(f"kill -9 of {victim}, end is noted"):
        fleet.kill(*VICTIMS[victim])
        bring_back(fleet, victim)
        fleet.go()
        jobs = fleet.settle(run, JobState.REVIEW)

    fleet.check_started_once(jobs)
    fleet.eventually(lambda: not pending_attempts(fleet.settings.spool_dir))
    fleet.eventually(lambda: all(job.measured_ms for job in fleet.jobs(run)))


def bring_back(fleet: Fleet, victim: str) -> None:
    """What the supervisor does not start again by itself, ``aios up`` does."""
    if victim in {"supervisor", "all"}:
        fleet.ok("up")
    fleet.check_one_of_each()
