"""The line of landings on a real Redis, and how a job comes to its end in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aios_app.domain.models import JobState
from aios_app.ledger.ledger import Ledger
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
