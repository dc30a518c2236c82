"""Who begins when: stages in sequence, and the slots of a machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.ledger.ledger import Claim, Ledger
from aios_app.settings import Settings
from tests.integration.ledger_fixtures import (
    MACHINE,
    agent,
    begin,
    end,
    make_run,
    opened,
    rest,
    states,
)
from tests.private_redis import RedisServer


@pytest.fixture
def ledger(settings: Settings, redis_server: RedisServer) -> Iterator[Ledger]:
    """An open ledger with one machine that has room for four agents."""
    with opened(settings) as built:
        built.set_machine(MACHINE, name="here", max_agents=4)
        yield built


def numbers(jobs: list[Job]) -> list[int]:
    return [job.number for job in jobs]


# Stages


def test_the_next_stage_opens_when_the_last_job_of_the_one_before_has_ended(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 2), projects=3, is_sequential=True)

    one, two = begin(ledger)
    assert begin(ledger) == []
    rest(ledger, one)
    assert begin(ledger) == []
    end(ledger, two, JobState.FAILED)

    assert numbers(begin(ledger)) == [3, 4]
    assert states(ledger, run) == ["review", "failed", "running", "running", "queued", "queued"]
    assert [job.reason for job in ledger.run_jobs(run.number)][4:] == ["after project-1"] * 2


def test_a_further_turn_of_a_stage_that_is_over_holds_nobody(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 1), projects=2, is_sequential=True)
    [one] = begin(ledger)
    rest(ledger, one)
    begin(ledger)

    ledger.move(one.attempt, {JobState.REVIEW}, JobState.RUNNING)
    rest(ledger, one)

    run = ledger.run(1)
    assert run["stage"] == "1"
    assert begin(ledger) == []


def test_a_job_counts_for_its_stage_once_also_when_its_agent_ends_later(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 2), projects=2, is_sequential=True)
    one, two = begin(ledger)

    rest(ledger, one)
    end(ledger, one)
    assert begin(ledger) == []
    end(ledger, two)

    assert numbers(begin(ledger)) == [3, 4]


def test_stages_of_jobs_that_were_stopped_before_they_began_are_passed_over(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 1), projects=4, is_sequential=True)
    [one] = begin(ledger)
    for job in run.jobs[1:3]:
        end(ledger, job, JobState.STOPPED)

    assert begin(ledger) == []
    end(ledger, one)

    assert numbers(begin(ledger)) == [4]


def test_fail_fast_stops_what_has_not_begun_and_nothing_else(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 2), projects=3, is_sequential=True, fail_fast=True)
    other = make_run(ledger, (agent(), 1))
    one, two, _ = begin(ledger)

    end(ledger, one, JobState.FAILED)

    assert states(ledger, run) == ["failed", "running", "stopped", "stopped", "stopped", "stopped"]
    assert {job.cause for job in ledger.run_jobs(run.number)[2:]} == {"not started: job 1 failed"}
    assert all(job.finished_ms for job in ledger.run_jobs(run.number)[2:])
    assert states(ledger, other) == ["running"]
    end(ledger, two)
    assert begin(ledger) == []


def test_a_failure_without_fail_fast_stops_nobody(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 1), projects=2, is_sequential=True)
    [one] = begin(ledger)

    end(ledger, one, JobState.FAILED)

    assert states(ledger, run) == ["failed", "queued"]
    assert numbers(begin(ledger)) == [2]


def test_a_waiting_job_holds_its_stage_until_it_is_passed(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 1), projects=2, is_sequential=True)
    [one] = begin(ledger)
    assert not ledger.pass_stage(one.attempt)
    ledger.move(one.attempt, {JobState.RUNNING}, JobState.WAITING)
    assert begin(ledger) == []

    assert ledger.pass_stage(one.attempt)

    assert numbers(begin(ledger)) == [2]
    assert states_of(ledger, one) == "waiting"


def states_of(ledger: Ledger, job: Job) -> str:
    found = ledger.job(job.number)
    assert found is not None
    return found.state.value


# Slots


def test_jobs_begin_in_the_order_of_their_numbers_as_far_as_there_is_room(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 3))
    make_run(ledger, (agent(), 3))

    assert numbers(begin(ledger)) == [1, 2, 3, 4]
    assert ledger.slots_used(MACHINE) == 4
    assert begin(ledger) == []


def test_a_slot_is_free_again_when_the_agent_has_ended_not_when_its_turn_is_over(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=1)
    make_run(ledger, (agent(), 2))
    [one] = begin(ledger)
    rest(ledger, one)
    assert begin(ledger) == []

    end(ledger, one)

    assert numbers(begin(ledger)) == [2]


def test_a_program_without_weight_needs_no_slot(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 6), (agent("h", weight=0), 2))

    assert numbers(begin(ledger)) == [1, 2, 3, 4, 7, 8]
    assert ledger.slots_used(MACHINE) == 4


def test_fewer_slots_than_agents_end_nobody_and_begin_nobody(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 6))
    jobs = begin(ledger)
    ledger.set_machine(MACHINE, max_agents=2)

    end(ledger, jobs[0])
    assert begin(ledger) == []
    for job in jobs[1:3]:
        end(ledger, job)

    assert numbers(begin(ledger)) == [5]


def test_those_longest_in_review_are_asked_to_make_room_as_many_as_wait(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 4))
    jobs = begin(ledger)
    for job in (jobs[2], jobs[0], jobs[3]):
        rest(ledger, job)
    make_run(ledger, (agent(), 2))

    closing = ledger.claim(MACHINE).closes

    assert sorted(numbers(closing)) == sorted([jobs[2].number, jobs[0].number])
    assert ledger.claim(MACHINE) == Claim(begins=[], closes=[])
    end(ledger, jobs[2])
    assert numbers(begin(ledger)) == [5]


def test_an_agent_that_a_person_keeps_is_spared_until_it_is_forgotten(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=1)
    make_run(ledger, (agent(), 2))
    [one] = begin(ledger)
    rest(ledger, one)
    ledger.keep_open(one)

    assert ledger.claim(MACHINE) == Claim(begins=[], closes=[])
    assert ledger.forget_kept(MACHINE)
    assert not ledger.forget_kept(MACHINE)

    assert numbers(ledger.claim(MACHINE).closes) == [one.number]


def test_what_was_asked_to_make_room_and_is_kept_leaves_the_room_to_another(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=2)
    make_run(ledger, (agent(), 3))
    one, two = begin(ledger)
    rest(ledger, one)
    [asked] = ledger.claim(MACHINE).closes
    rest(ledger, two)
    assert asked.number == one.number

    ledger.keep_open(one)

    assert numbers(ledger.claim(MACHINE).closes) == [two.number]


def test_an_agent_that_works_again_is_not_asked_to_make_room(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=1)
    make_run(ledger, (agent(), 2))
    [one] = begin(ledger)
    rest(ledger, one)
    ledger.move(one.attempt, {JobState.REVIEW}, JobState.RUNNING)

    assert ledger.claim(MACHINE) == Claim(begins=[], closes=[])


# Timers


def test_the_timer_that_is_due_first_is_next_and_is_moved_or_dropped(ledger: Ledger) -> None:
    assert ledger.next_timer(MACHINE) is None
    ledger.set_timer(MACHINE, "limit", "a", 2000)
    ledger.set_timer(MACHINE, "setup", "a", 1000)
    assert ledger.next_timer(MACHINE) == ("setup", "a", 1000)

    ledger.set_timer(MACHINE, "setup", "a", 3000)
    assert ledger.next_timer(MACHINE) == ("limit", "a", 2000)

    ledger.drop_timers(MACHINE, "a", ["limit"])
    assert ledger.next_timer(MACHINE) == ("setup", "a", 3000)
