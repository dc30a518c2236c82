"""Messages that Redis gave to a dead worker, plans that nobody sent, signals that nobody read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aios_app.domain.models import JobState
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.start_run import RunRequest, start_run
from aios_app.spool.files import pending_attempts
from tests.chaos.fleet import Fleet

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]


def test_what_redis_gave_to_a_frozen_worker_is_sent_again_after_its_death(fleet: Fleet) -> None:
    fleet.add("frozen")
    with fleet.frozen("worker"):
        runs = [fleet.start("multi", "frozen", "s:1", "quick") for _ in range(3)]
        fleet.kill("worker")

    with fleet.recovery("worker frozen, 3 jobs sent, kill -9"):
        jobs = [job for run in runs for job in fleet.settle(run, JobState.REVIEW)]

    fleet.check_started_once(jobs)


def test_a_stop_that_a_dead_worker_took_with_it_is_done_by_the_next(fleet: Fleet) -> None:
    fleet.add("stop")
    with fleet.closed("stop"):
        run = fleet.start("multi", "stop", "s:2", "hold")
        attempts = [job.attempt for job in fleet.settle(run, JobState.RUNNING)]
        with fleet.frozen("worker"):
            stop = fleet.open("stop", f"r{run}")
            fleet.eventually(lambda: all(is_ending(fleet, attempt) for attempt in attempts))
            fleet.kill("worker")

        with fleet.recovery("stop asked of a frozen worker, kill -9"):
            jobs = fleet.settle(run, JobState.STOPPED)
            stop.communicate(timeout=20)

    assert stop.returncode == 0
    assert not {session.name for session in fleet.tmux.sessions()} & {job.name for job in jobs}
    fleet.check_started_once(jobs)


def test_agents_asked_to_make_room_by_a_dead_worker_still_make_it(fleet: Fleet) -> None:
    fleet.add("room")
    fleet.ok("config", "max_agents", "2")
    try:
        first = fleet.start("multi", "room", "v:2", "turn")
        fleet.settle(first, JobState.REVIEW)
        with fleet.frozen("worker"):
            second = fleet.start("multi", "room", "v:2", "turn")
            fleet.kill("worker")

        with fleet.recovery("room asked of a frozen worker, kill -9"):
            jobs = [*fleet.settle(first, JobState.REVIEW), *fleet.settle(second, JobState.REVIEW)]
    finally:
        fleet.ok("config", "max_agents", "60")
    fleet.check_started_once(jobs)


def test_the_end_of_agents_is_read_when_the_worker_comes_back(fleet: Fleet) -> None:
    fleet.add("spool")
    with fleet.closed("spool"):
        ends, turns = (fleet.start("multi", "spool", f"{key}:2", "hold") for key in "sv")
        jobs = [*fleet.settle(ends, JobState.RUNNING), *fleet.settle(turns, JobState.RUNNING)]
        fleet.kill("supervisor", "worker")
        fleet.release("spool")
        fleet.eventually(lambda: pending_attempts(fleet.settings.spool_dir) >= {job.attempt for job in jobs})

    with fleet.recovery("4 agents end while no worker lives"):
        fleet.ok("up")
        jobs = [*fleet.settle(ends, JobState.REVIEW), *fleet.settle(turns, JobState.REVIEW)]

    assert not any(job.is_open for job in jobs)
    fleet.check_started_once(jobs)


def test_a_run_that_a_killed_service_had_only_planned_begins(fleet: Fleet) -> None:
    fleet.add("planned")
    with a_killed_service(fleet) as context:
        run = plan(context, "planned")

    with fleet.recovery("kill -9 of web, run written, nothing sent"):
        jobs = fleet.settle(run, JobState.REVIEW)

    fleet.check_started_once(jobs)


def test_jobs_that_a_killed_service_had_claimed_and_not_sent_begin(fleet: Fleet) -> None:
    fleet.add("claimed")
    with a_killed_service(fleet) as context:
        run = plan(context, "claimed")
        claimed = context.ledger.claim(context.machine).begins
        assert {job.run for job in claimed} == {run}

    with fleet.recovery("kill -9 of web, jobs claimed, nothing sent"):
        jobs = fleet.settle(run, JobState.REVIEW)

    fleet.check_started_once(jobs)


def is_ending(fleet: Fleet, attempt_id: str) -> bool:
    attempt = fleet.ledger.attempt(attempt_id)
    return attempt is not None and attempt.ending == "stop"


def plan(context: Context, project: str) -> int:
    request = RunRequest(source="multi", words=[project, "s:2", "quick"], cwd="/")
    return int(start_run(context, request)["run"]["number"])


@contextmanager
def a_killed_service(fleet: Fleet) -> Iterator[Context]:
    """The block does what the service did before its death; afterwards the supervisor starts it again."""
    context = build_context(fleet.settings)
    try:
        with fleet.frozen("supervisor"):
            fleet.kill("web")
            ensure_ledger(context, owns=True)
            yield context
    finally:
        context.close()
