"""The line of landings on a real Redis, and how a job comes to its end in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aios_app.domain.landing import Landing, Outcome
from aios_app.domain.models import JobState
from aios_app.ledger.ledger import Ledger
from aios_app.ledger.lines import Moved
from aios_app.settings import Settings
from tests.integration.ledger_fixtures import MACHINE, agent, begin, end, make_run, opened, rest
from tests.private_redis import RedisServer


@pytest.fixture
def ledger(settings: Settings, redis_server: RedisServer) -> Iterator[Ledger]:
    """An open ledger with one machine that has room for twenty agents."""
    with opened(settings) as built:
        built.set_machine(MACHINE, name="here", max_agents=20)
        yield built


def numbers(ledger: Ledger, state: JobState) -> list[int]:
    """The jobs of the state's set."""
    return [job.number for job in ledger.jobs_in([state])]


def landing_of(job: int, line: str = "l") -> Landing:
    """A landing that nobody has asked for yet."""
    return Landing(id=str(uuid.uuid4()), job=job, line=line, label="main of shop", message='ü "\udcff')


def joined(ledger: Ledger, count: int) -> list[Landing]:
    """So many jobs, in line."""
    run = make_run(ledger, (agent(), count))
    landings = [landing_of(job.number) for job in run.jobs]
    for landing in landings:
        assert ledger.lines.join(landing, lease_ms=60_000) is not None
    return landings


def words(ledger: Ledger, landings: list[Landing]) -> list[str]:
    """What the jobs say of their landings."""
    return [job.landing for job in ledger.jobs(landing.job for landing in landings)]


# Settling


def test_a_settled_job_is_in_the_set_of_its_new_state_alone(ledger: Ledger) -> None:
    make_run(ledger)
    [job] = begin(ledger)
    end(ledger, job)
    before = ledger.last_event_id()

    assert ledger.settle(job.number, {JobState.REVIEW}, JobState.LANDED, landed_sha="abc")

    [landed] = ledger.jobs_in([JobState.LANDED])
    assert (landed.number, landed.landed_sha) == (job.number, "abc")
    assert numbers(ledger, JobState.REVIEW) == []
    assert ledger.last_event_id() != before
    assert ledger.settle(job.number, {JobState.LANDED}, JobState.REVIEW)
    assert numbers(ledger, JobState.REVIEW) == [job.number]


def test_a_job_in_another_state_or_with_an_open_agent_is_not_settled(ledger: Ledger) -> None:
    make_run(ledger, (agent(), 2))
    ended, open_ = begin(ledger)
    end(ledger, ended, JobState.FAILED)
    rest(ledger, open_)

    assert not ledger.settle(ended.number, {JobState.REVIEW}, JobState.DROPPED)
    assert not ledger.settle(open_.number, {JobState.REVIEW}, JobState.DROPPED)
    assert not ledger.settle(99, {JobState.REVIEW}, JobState.DROPPED)
    assert ledger.slots_used(MACHINE) == 1


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_no_job_is_settled_into_or_out_of_work(ledger: Ledger, state: JobState) -> None:
    with pytest.raises(ValueError, match=state):
        ledger.settle(1, {JobState.REVIEW}, state)
    with pytest.raises(ValueError, match="dropped"):
        ledger.settle(1, {state}, JobState.DROPPED)


# The line


def test_the_first_lands_and_the_others_say_their_place_until_they_move_up(ledger: Ledger) -> None:
    first, *others = joined(ledger, 12)

    assert words(ledger, [first, *others[:2], others[-1]]) == [
        "lands on main of shop",
        "second in line for main of shop",
        "third in line for main of shop",
        "number 12 in line for main of shop",
    ]
    assert ledger.lines.leave(first.evolve(outcome=Outcome.LANDED), "", lease_ms=1000) is not None
    assert words(ledger, [first, *others[:2]]) == [
        "",
        "lands on main of shop",
        "second in line for main of shop",
    ]
    over, next_ = (ledger.lines.landing(landing.job) for landing in (first, others[0]))
    assert over == first.evolve(outcome=Outcome.LANDED)
    assert next_ == others[0].evolve(place=1)
    assert [head.job for head in ledger.lines.heads()] == [others[0].job]


def test_a_job_that_joins_at_once_from_many_sides_stands_in_one_line_once(ledger: Ledger) -> None:
    make_run(ledger)

    with ThreadPoolExecutor(8) as pool:
        sides = [landing_of(1, line) for line in "abab" * 5]
        taken = list(pool.map(lambda landing: ledger.lines.join(landing, lease_ms=1000), sides))

    assert sum(moved is not None for moved in taken) == 1
    [head] = ledger.lines.heads()
    assert ledger.lines.landing(1) == next(s for s in sides if s.id == head.landing).evolve(place=1)
    assert ledger.lines.join(landing_of(99), lease_ms=1000) is None


def test_only_the_head_goes_on_and_only_by_its_own_landing(ledger: Ledger) -> None:
    first, second = joined(ledger, 2)
    stale = first.evolve(id=str(uuid.uuid4()))

    for other in (second, stale):
        assert not ledger.lines.step(other.evolve(steps=("no",)), "no", lease_ms=1000)
        assert ledger.lines.leave(other, "no", lease_ms=1000) is None
    assert ledger.lines.step(first.evolve(steps=("ok",)), "checks", lease_ms=1000)

    assert words(ledger, [first, second]) == ["checks", "second in line for main of shop"]
    assert ledger.lines.landing(first.job) == first.evolve(steps=("ok",), place=1)


def test_a_head_is_passed_over_once_its_time_is_over_and_goes_on_no_more(ledger: Ledger) -> None:
    first, second = joined(ledger, 2)
    failed = first.evolve(outcome=Outcome.FAILED, problem="it did not go on")

    assert ledger.lines.leave(failed, "failed", lease_ms=1000, only_if_late=True) is None
    assert ledger.lines.step(first, "pushes", lease_ms=1)
    time.sleep(0.01)
    assert ledger.lines.leave(failed, "failed", lease_ms=1000, only_if_late=True) is not None

    assert not ledger.lines.step(first, "wakes", lease_ms=1000)
    assert ledger.lines.leave(first, "wakes", lease_ms=1000) is None
    assert words(ledger, [first, second]) == ["failed", "lands on main of shop"]


def test_the_second_in_line_has_its_machine_look_at_the_head_when_its_time_is_over(ledger: Ledger) -> None:
    first, second, third = joined(ledger, 3)
    head = ledger.lines.head("l")
    assert head is not None

    assert ledger.next_timer(MACHINE) == ("line", "l", head.until_ms)
    assert ledger.lines.step(first, "checks", lease_ms=500_000)
    later = ledger.next_timer(MACHINE)
    assert later is not None
    assert later[2] > head.until_ms
    assert ledger.lines.leave(first, "", lease_ms=1000) == Moved(watcher=MACHINE, has_new_head=True)
    # Nobody waits behind the third.
    assert ledger.lines.leave(second, "", lease_ms=1000) == Moved(watcher="", has_new_head=True)
    assert ledger.lines.leave(third, "", lease_ms=1000) == Moved(watcher="", has_new_head=False)
    assert ledger.lines.heads() == []


def test_one_whose_work_is_on_the_branch_clears_up_while_the_next_one_lands(ledger: Ledger) -> None:
    first, second = joined(ledger, 2)

    assert ledger.lines.pass_on(first, "clears up", lease_ms=1000) == Moved(watcher="", has_new_head=True)
    assert ledger.lines.pass_on(first, "again", lease_ms=1000) is None

    assert [head.job for head in ledger.lines.heads()] == [second.job]
    assert (ledger.lines.clearing(), ledger.lines.landing(first.job)) == ([first.job], first)
    assert ledger.lines.join(landing_of(first.job), lease_ms=1000) is None
    assert ledger.lines.step(first.evolve(steps=("ok",)), "removes", lease_ms=1000)
    assert words(ledger, [first, second]) == ["removes", "lands on main of shop"]
    over = first.evolve(outcome=Outcome.LANDED)
    assert ledger.lines.leave(over, "landed", lease_ms=1000) == Moved(watcher="", has_new_head=False)
    assert (ledger.lines.clearing(), ledger.lines.landing(first.job)) == ([], over)
    assert not ledger.lines.step(first, "wakes", lease_ms=1000)
    assert ledger.lines.join(landing_of(first.job), lease_ms=1000) is not None
