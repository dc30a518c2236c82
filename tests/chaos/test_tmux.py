"""The end of the tmux server, of a wrapper, and agents that end tmux themselves."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.chaos.fleet import Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]


def kill_server(fleet: Fleet, how: str) -> None:
    if how == "kill-server":
        subprocess.run(["tmux", "-S", str(fleet.settings.tmux_socket), "kill-server"], check=True)
        return
    fleet.kill_tmux()


@pytest.mark.parametrize("how", ["kill-server", "SIGKILL"])
def test_the_end_of_the_tmux_server_is_a_lost_session_and_a_retry_works(fleet: Fleet, how: str) -> None:
    name = f"server-{how[:4]}"
    fleet.add(name)
    with fleet.closed(name):
        run = fleet.start("multi", name, "s:2", "v:1", "hold")
        before = fleet.settle(run, JobState.RUNNING)

        with fleet.recovery(f"tmux server ended by {how}"):
            kill_server(fleet, how)
            lost = fleet.settle(run, JobState.FAILED)
        fleet.ok("retry", f"r{run}")
        again = fleet.settle(run, JobState.RUNNING)

        assert {job.cause for job in lost} == {"session lost"}
        assert not {job.attempt for job in again} & {job.attempt for job in before}
        fleet.check_sessions(again)
    jobs = fleet.settle(run, JobState.REVIEW)
    fleet.check_started_once([*before, *jobs])


@pytest.mark.parametrize("how", ["kill-server", "SIGKILL"])
def test_jobs_that_wait_when_the_tmux_server_ends_go_on_and_the_others_are_lost(
    fleet: Fleet, how: str
) -> None:
    name = f"queue-{how[:4]}"
    fleet.add(name)
    fleet.ok("config", "max_agents", "3")
    try:
        with fleet.closed(name):
            run = fleet.start("multi", name, "s:8", "hold")
            begun = fleet.running(run, 3)

            with fleet.recovery(f"tmux server ended by {how}, jobs wait"):
                kill_server(fleet, how)
                fleet.eventually(lambda: len(with_state(fleet, run, JobState.FAILED)) == 3)
                fleet.running(run, 3)

            failed = with_state(fleet, run, JobState.FAILED)
            assert {job.number for job in failed} == {job.number for job in begun}
            assert {job.cause for job in failed} == {"session lost"}
        jobs = fleet.settle(run, JobState.REVIEW, JobState.FAILED)
    finally:
        fleet.ok("config", "max_agents", "60")
    assert len([job for job in jobs if job.state is JobState.REVIEW]) == 5
    fleet.check_started_once(jobs)


def test_a_tmux_server_that_ends_while_the_worker_is_dead_is_known_at_its_start(fleet: Fleet) -> None:
    fleet.add("unseen")
    with fleet.closed("unseen"):
        run = fleet.start("multi", "unseen", "s:2", "hold")
        fleet.settle(run, JobState.RUNNING)
        with fleet.frozen("worker"):
            kill_server(fleet, "SIGKILL")
            fleet.kill("worker")
        with fleet.recovery("tmux server killed while the worker is dead"):
            jobs = fleet.settle(run, JobState.FAILED)

        assert {job.cause for job in jobs} == {"session lost"}


def test_an_agent_that_ends_its_tmux_server_ends_nothing_of_ours(fleet: Fleet) -> None:
    fleet.add("own-server")
    with fleet.closed("own-server"):
        run = fleet.start("multi", "own-server", "s:3", "server")
        jobs = fleet.settle(run, JobState.RUNNING)
        fleet.eventually(lambda: len({job for _, job in fleet.starts()} & {j.number for j in jobs}) == 3)

        fleet.check_sessions(jobs)
    fleet.check_started_once(fleet.settle(run, JobState.REVIEW))


@pytest.mark.parametrize("worker", ["lives", "is dead"])
def test_a_killed_wrapper_is_a_lost_session(fleet: Fleet, worker: str) -> None:
    name = f"wrapper-{worker[:2]}"
    fleet.add(name)
    with fleet.closed(name):
        run = fleet.start("multi", name, "s:2", "hold")
        victim, other = fleet.settle(run, JobState.RUNNING)

        if worker == "is dead":
            with fleet.frozen("worker"):
                kill_wrapper(fleet, victim)
                fleet.kill("worker")
        with fleet.recovery(f"kill -9 of the wrapper, worker {worker}"):
            if worker == "lives":
                kill_wrapper(fleet, victim)
            fleet.eventually(lambda: fleet.job(victim.number).state is JobState.FAILED)

        assert fleet.job(victim.number).cause == "session lost"
        assert fleet.job(other.number).state is JobState.RUNNING
        assert fleet.processes("AIOS_ATTEMPT", victim.attempt) == []
    fleet.eventually(lambda: fleet.job(other.number).state is JobState.REVIEW)
    fleet.check_started_once([victim, other])


def kill_wrapper(fleet: Fleet, job: Job) -> None:
    session = fleet.tmux.find(job.name)
    assert session is not None
    os.kill(session.pane_pid, signal.SIGKILL)
    assert any(fleet.tmux.find(job.name) is None for _ in tries(5))


def with_state(fleet: Fleet, run: int, state: JobState) -> list[Job]:
    return [job for job in fleet.jobs(run) if job.state is state]
