"""What keeps a job from beginning beside the slots: its lane is staggered, limited or parked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aios_app.domain.models import Finishes, Job, JobState, Run
from aios_app.ledger.ledger import Lane, Ledger
from aios_app.settings import Settings
from tests.integration.ledger_fixtures import MACHINE, agent, attempt_of, begin, end, make_run, opened, rest
from tests.private_redis import RedisServer

#: All agents of ``ledger_fixtures`` are of this kind.
LANE = "demo"


@pytest.fixture
def ledger(settings: Settings, redis_server: RedisServer) -> Iterator[Ledger]:
    """An open ledger with one machine that has room for four agents."""
    with opened(settings) as built:
        built.set_machine(MACHINE, name="here", max_agents=4)
        yield built


def brake(ledger: Ledger, **values: int) -> None:
    """Sets ``most`` or ``stagger_ms`` of the lane."""
    names = {"most": "max", "stagger_ms": "stagger_ms"}
    ledger.set_machine(MACHINE, **{f"{names[name]}:{LANE}": value for name, value in values.items()})


def park(ledger: Ledger, for_ms: int) -> None:
    """A rate limit."""
    now_ms = ledger.now_ms()
    ledger.park(
        Lane(
            name=LANE, parked_ms=now_ms, until_ms=now_ms + for_ms, pause_s=1, reason="demo rests until 03:10"
        )
    )


def begun(ledger: Ledger) -> list[int]:
    return [job.number for job in ledger.claim(MACHINE).begins]


def reasons(ledger: Ledger, run: Run) -> list[str]:
    return [job.reason for job in ledger.run_jobs(run.number)]


# Staggering


def test_starts_of_one_lane_are_so_long_apart_and_the_next_one_has_a_timer(ledger: Ledger) -> None:
    brake(ledger, stagger_ms=60_000)
    run = make_run(ledger, (agent(), 3))

    claim = ledger.claim(MACHINE)

    assert [job.number for job in claim.begins] == [run.jobs[0].number]
    assert claim.is_later
    assert reasons(ledger, run)[1:] == ["for its turn: demo start 60 s apart"] * 2
    timer = ledger.next_timer(MACHINE)
    assert timer is not None
    assert timer[:2] == ("stagger", LANE)
    assert 58_000 < timer[2] - ledger.now_ms() <= 60_000


def test_the_next_start_is_due_after_the_time(ledger: Ledger) -> None:
    brake(ledger, stagger_ms=1)
    run = make_run(ledger, (agent(), 2))
    before = begun(ledger)

    while len(before) < 2:
        before += begun(ledger)

    assert before == [job.number for job in run.jobs]


def test_a_timer_that_is_known_wakes_nobody_again(ledger: Ledger) -> None:
    brake(ledger, stagger_ms=60_000)
    make_run(ledger, (agent(), 3))

    assert [ledger.claim(MACHINE).is_later, ledger.claim(MACHINE).is_later] == [True, False]


def test_other_lanes_do_not_wait_for_a_staggered_one(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, **{"stagger_ms:codex": 60_000})
    run = make_run(ledger, (agent(), 4))

    assert begun(ledger) == [job.number for job in run.jobs]


def test_a_job_that_waits_for_its_turn_keeps_its_slot(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=2)
    brake(ledger, stagger_ms=60_000)
    run = make_run(ledger, (agent(), 3))

    begun(ledger)

    assert reasons(ledger, run) == ["", "for its turn: demo start 60 s apart", "for a free slot"]


def test_agents_whose_worktrees_are_ready_at_once_still_start_one_after_another(ledger: Ledger) -> None:
    brake(ledger, stagger_ms=1)
    make_run(ledger, (agent(), 3))
    jobs: list[Job] = []
    while len(jobs) < 3:
        jobs += ledger.claim(MACHINE).begins
    brake(ledger, stagger_ms=60_000)

    waits = [ledger.take_turn(job.attempt) for job in jobs]
    again = [ledger.take_turn(job.attempt) for job in jobs]

    assert [round(wait / 60_000) for wait in waits] == [0, 1, 2]
    assert [round(wait / 60_000) for wait in again] == [0, 1, 2]


def test_without_staggering_every_agent_starts_at_once(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 3))

    assert [ledger.take_turn(job.attempt) for job in ledger.claim(MACHINE).begins] == [0, 0, 0]


# At most so many of a kind


def test_no_more_of_a_lane_than_its_most_work_at_once(ledger: Ledger) -> None:
    brake(ledger, most=2)
    run = make_run(ledger, (agent(), 4))

    first = begin(ledger)

    assert [job.number for job in first] == [job.number for job in run.jobs[:2]]
    assert reasons(ledger, run)[2:] == ["at most 2 demo at a time"] * 2
    end(ledger, first[0])
    assert begun(ledger) == [run.jobs[2].number]


def test_a_resting_agent_of_the_lane_makes_room_where_the_machine_has_slots_left(ledger: Ledger) -> None:
    brake(ledger, most=1)
    make_run(ledger, (agent(), 2))
    [job] = begin(ledger)
    rest(ledger, job)

    assert [closed.number for closed in ledger.claim(MACHINE).closes] == [job.number]
    assert ledger.claim(MACHINE).closes == []


def test_programs_without_weight_are_not_counted(ledger: Ledger) -> None:
    brake(ledger, most=1)
    run = make_run(ledger, (agent("t", weight=0, finishes=Finishes.NEVER), 3))

    assert begun(ledger) == [job.number for job in run.jobs]


# Parking


def test_a_parked_lane_begins_nothing_and_says_why(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 2))
    park(ledger, 60_000)
    after = ledger.last_event_id()

    claim = ledger.claim(MACHINE)

    assert claim.begins == []
    assert claim.is_later
    assert reasons(ledger, run) == ["demo rests until 03:10"] * 2
    assert ledger.last_event_id() != after
    assert [lane.name for lane in ledger.parked_lanes()] == [LANE]


def test_a_parked_lane_asks_no_agent_to_make_room(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=1)
    make_run(ledger, (agent(), 2))
    [job] = begin(ledger)
    rest(ledger, job)
    park(ledger, 60_000)

    assert ledger.claim(MACHINE).closes == []


def test_a_lane_whose_time_is_over_begins_again(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 2))
    park(ledger, -1)

    assert begun(ledger) == [job.number for job in run.jobs]
    assert ledger.parked_lanes() == []


@pytest.mark.parametrize("mode", ["retry", "resume"])
def test_what_a_person_wants_goes_through(ledger: Ledger, mode: str) -> None:
    make_run(ledger, (agent(), 2))
    job, other = begin(ledger)
    for one in (job, other):
        end(ledger, one, JobState.FAILED)
    park(ledger, 60_000)

    for one, how in ((job, mode), (other, "")):
        [now] = ledger.jobs([one.number])
        assert ledger.renew(now, {JobState.FAILED}, order=now.number, mode=how)

    assert begun(ledger) == [job.number]


def test_a_lane_that_works_is_as_one_that_was_never_parked(ledger: Ledger) -> None:
    park(ledger, 60_000)

    ledger.free_lane(LANE)

    assert ledger.lane(LANE) == Lane(name=LANE)
    assert ledger.parked_lanes() == []


def test_what_a_limit_cut_off_is_given_back_once(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 2))
    jobs = begin(ledger)
    for job in jobs:
        ledger.await_lane(job)

    assert sorted(ledger.take_failed(LANE)) == sorted(attempt_of(ledger, job).id for job in jobs)
    assert ledger.take_failed(LANE) == []
