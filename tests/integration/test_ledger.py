"""The ledger on a real Redis: numbers, runs, and the one step that changes a job's state."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aios_app.domain.errors import InstanceBusy, LedgerLost, QueueError
from aios_app.domain.models import Job, JobState
from aios_app.ledger import keys
from aios_app.ledger.connection import connect
from aios_app.ledger.ledger import Claim, Ledger
from aios_app.settings import Settings
from aios_app.stack.address import redis_py_url
from tests.integration.ledger_fixtures import (
    MACHINE,
    OWNER,
    agent,
    attempt_of,
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


@pytest.fixture
def redis(settings: Settings, redis_server: RedisServer) -> Iterator[Any]:
    """The server itself, for what the ledger does not offer."""
    client = connect(redis_py_url(settings))
    yield client
    client.close()


def test_a_job_that_only_a_newer_version_understands_is_left_out_and_the_others_are_told(
    ledger: Ledger, redis: Any
) -> None:
    run = make_run(ledger, projects=2)
    newer, plain = (job.number for stage in run.stages for job in stage.jobs)

    redis.hset(keys.job(newer), "state", "hovering")

    assert [job.number for job in ledger.run_jobs(run.number)] == [plain]
    assert ledger.job(newer) is None


@pytest.mark.parametrize(
    "said",
    [
        {"facts": '{"agents": [], "load": "much", "cores": null}'},
        {"facts": '{"agents": {"c": [1]}, "load": []}'},
        {"facts": "[" * 100_000},
        {"facts": "7", "port": "9" * 30, "beat_ms": "9" * 5000},
        {"port": "65536", "state": "hovering", "max_agents": "\x1b[31m"},
    ],
)
def test_whatever_a_machine_says_of_itself_the_others_can_be_asked(
    ledger: Ledger, said: dict[str, str]
) -> None:
    ledger.set_machine("other", name="other", **said)

    other, here = sorted(ledger.machines_known(), key=lambda one: one.name, reverse=True)

    assert here.id == MACHINE
    assert (other.port, other.room) == (0, 0)
    assert set(map(type, other.facts.get("agents", {}).values())) <= {str}
    assert not {"load", "cores"} & other.facts.keys()
    assert ledger.claim("other").begins == []


# Numbers and ownership


def test_numbers_are_given_once_however_many_ask(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: ledger.reserve(3), range(200)))

    assert sorted(numbers.run for numbers in given) == list(range(1, 201))
    assert sorted(numbers.first_job for numbers in given) == list(range(1, 601, 3))


def test_another_instance_is_refused_on_the_same_database(ledger: Ledger, settings: Settings) -> None:
    with pytest.raises(InstanceBusy, match="belongs to another AIOS"), opened(settings, "somebody else"):
        pass


def test_the_owner_and_those_who_join_open_the_same_ledger(ledger: Ledger, settings: Settings) -> None:
    ledger.reserve(5)

    for instance in (OWNER, ""):
        with opened(settings, instance) as again:
            assert again.reserve(1).first_job > 5


def test_a_ledger_that_was_joined_first_gets_its_owner_later(
    settings: Settings, redis_server: RedisServer
) -> None:
    with (
        opened(settings, ""),
        opened(settings, OWNER),
        pytest.raises(InstanceBusy),
        opened(settings, "other"),
    ):
        pass


def test_a_ledger_of_another_version_is_refused(ledger: Ledger, settings: Settings, redis: Any) -> None:
    redis.hset("aios:1:meta", "version", "2")

    with pytest.raises(QueueError, match="version 2: update AIOS"), opened(settings):
        pass


def test_a_writer_of_the_generation_before_is_refused(ledger: Ledger, settings: Settings, redis: Any) -> None:
    run = make_run(ledger)
    redis.flushall()
    with pytest.raises(LedgerLost):
        ledger.reserve(1)

    with opened(settings) as rebuilt:
        for write in (
            lambda: ledger.reserve(1),
            lambda: ledger.create_run(run, {}),
            lambda: ledger.claim(MACHINE),
            lambda: ledger.move(run.jobs[0].attempt, set(JobState), JobState.REVIEW),
            lambda: ledger.note(1, note="x"),
        ):
            with pytest.raises(LedgerLost):
                write()
        assert rebuilt.run_numbers() == []


def test_a_ledger_made_anew_goes_on_at_the_numbers_it_is_told(
    settings: Settings, redis_server: RedisServer
) -> None:
    ledger = Ledger(redis_py_url(settings))

    assert ledger.open(instance=OWNER, last_run=7, last_job=31) is True
    assert ledger.open(instance=OWNER, last_run=1, last_job=1) is False

    numbers = ledger.reserve(2)
    assert (numbers.run, numbers.first_job) == (8, 32)
    ledger.close()


def test_without_redis_every_call_says_so(settings: Settings) -> None:
    ledger = Ledger(redis_py_url(settings))

    with pytest.raises(QueueError, match="does not answer"):
        ledger.open(instance=OWNER)
    ledger.close()


# Runs


def test_a_run_comes_back_as_it_was_planned(ledger: Ledger) -> None:
    prompt = "first $(x)\n'second' caf\udce9"
    run = make_run(ledger, (agent("d"), 2), (agent("z", weight=0), 1), projects=2, prompt=prompt, limit_s=9)

    assert ledger.run_jobs(run.number) == [replace(job, reason="for a free slot") for job in run.jobs]
    assert ledger.prompts(run.number) == {"*": prompt}
    assert ledger.run_agent(run.number, "z") == agent("z", weight=0)
    assert ledger.run_numbers() == [1]
    assert ledger.counts() == {"queued": 6}


def test_a_run_that_is_written_twice_is_there_once(ledger: Ledger) -> None:
    run = make_run(ledger, (agent(), 2))
    begin(ledger)

    ledger.create_run(run, {"*": "another"})

    assert states(ledger, run) == ["running", "running"]
    assert ledger.prompts(run.number) == {"*": "fix it"}
    assert ledger.claim(MACHINE) == Claim(begins=[], closes=[])


# The one step


def first(ledger: Ledger) -> Job:
    """A running job."""
    make_run(ledger)
    return begin(ledger)[0]


def test_a_move_changes_state_fields_and_time_at_once(ledger: Ledger) -> None:
    job = first(ledger)

    assert ledger.move(job.attempt, {JobState.RUNNING}, JobState.WAITING, question="Proceed?")
    waiting = ledger.job(job.number)
    assert ledger.move(job.attempt, {JobState.WAITING}, JobState.RUNNING)
    running = ledger.job(job.number)

    assert waiting is not None
    assert running is not None
    assert (waiting.state, waiting.question) == (JobState.WAITING, "Proceed?")
    assert (running.state, running.question) == (JobState.RUNNING, "")
    assert running.since_ms >= waiting.since_ms >= job.since_ms
    assert ledger.jobs_in([JobState.WAITING]) == []
    assert [found.number for found in ledger.jobs_in([JobState.RUNNING])] == [job.number]


def test_bytes_that_are_no_text_come_back_as_they_were_and_halves_of_characters_marked(
    ledger: Ledger,
) -> None:
    job = first(ledger)

    ledger.note_attempt(job.attempt, trouble="cut \ud83d")
    ledger.move(job.attempt, {JobState.RUNNING}, JobState.FAILED, cause="\udcff f\u00fcr \ud83d")

    moved = ledger.job(job.number)
    attempt = ledger.attempt(job.attempt)
    assert moved is not None
    assert attempt is not None
    assert (moved.cause, attempt.trouble) == ("\udcff f\u00fcr \ufffd", "cut \ufffd")


def test_a_clock_that_is_set_back_makes_no_change_older_than_the_one_before(
    ledger: Ledger, redis: Any
) -> None:
    job = first(ledger)
    ahead_ms = ledger.now_ms() + 3_600_000
    redis.hset(keys.job(job.number), "since_ms", ahead_ms)

    ledger.move(job.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True)

    moved = ledger.job(job.number)
    assert moved is not None
    assert moved.since_ms == ahead_ms


def test_a_move_from_another_state_is_refused(ledger: Ledger) -> None:
    job = first(ledger)

    assert not ledger.move(job.attempt, {JobState.WAITING}, JobState.REVIEW, note="no")

    assert ledger.job(job.number) == job


def test_a_move_of_an_attempt_that_is_over_is_refused(ledger: Ledger) -> None:
    job = first(ledger)
    assert end(ledger, job)

    assert not end(ledger, job, JobState.FAILED)

    found = ledger.job(job.number)
    assert found is not None
    assert (found.state, found.is_open) == (JobState.REVIEW, False)
    assert attempt_of(ledger, job).is_over


def test_a_move_of_an_older_attempt_is_refused(ledger: Ledger) -> None:
    job = first(ledger)
    end(ledger, job, JobState.FAILED)
    renewed = ledger.renew(job, {JobState.FAILED}, order=job.number)

    assert renewed is not None
    assert not ledger.move(job.attempt, set(JobState), JobState.REVIEW)
    assert not ledger.move("no-such-attempt", set(JobState), JobState.REVIEW)
    assert ledger.move(renewed, {JobState.QUEUED}, None, note="the new one")


def test_of_many_ends_at_once_one_counts(ledger: Ledger) -> None:
    job = first(ledger)
    wanted = [JobState.REVIEW, JobState.FAILED, JobState.STOPPED] * 10

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda state: end(ledger, job, state), wanted))

    assert done.count(True) == 1
    found = ledger.job(job.number)
    assert found is not None
    assert found.state is wanted[done.index(True)]


def test_the_result_of_an_attempt_is_its_first_one_until_it_is_reported(ledger: Ledger) -> None:
    job = first(ledger)
    ledger.move(job.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True, result={"state": "review"})
    ledger.move(job.attempt, {JobState.REVIEW}, JobState.REVIEW, finishes=True, ends=True, result={"x": 1})

    assert attempt_of(ledger, job).result == '{"state": "review"}'
    assert ledger.unreported(MACHINE) == [job.attempt]
    ledger.note_reported(MACHINE, job.attempt)
    assert ledger.unreported(MACHINE) == []


def test_a_further_turn_does_not_move_the_time_of_the_first_end(ledger: Ledger) -> None:
    job = first(ledger)
    rest(ledger, job)
    before = ledger.job(job.number)
    ledger.move(job.attempt, {JobState.REVIEW}, JobState.RUNNING)
    rest(ledger, job)

    after = ledger.job(job.number)
    assert before is not None
    assert after is not None
    assert after.finished_ms == before.finished_ms > 0


# Attempts


def test_a_job_is_renewed_once_and_only_from_the_states_asked_for(ledger: Ledger) -> None:
    job = first(ledger)

    assert ledger.renew(job, {JobState.FAILED}, order=1) is None
    end(ledger, job, JobState.FAILED)
    with ThreadPoolExecutor(8) as pool:
        renewed = list(pool.map(lambda _: ledger.renew(job, {JobState.FAILED}, order=1), range(16)))

    assert len([attempt for attempt in renewed if attempt]) == 1
    found = ledger.job(job.number)
    assert found is not None
    assert (found.state, found.attempt_no, found.cause) == (JobState.QUEUED, 2, "")
    assert [claimed.number for claimed in ledger.claim(MACHINE).begins] == [job.number]


def test_an_open_job_is_not_renewed(ledger: Ledger) -> None:
    job = first(ledger)
    rest(ledger, job)

    assert ledger.renew(job, {JobState.REVIEW}, order=1) is None


def test_a_person_who_waits_goes_before_the_queue(ledger: Ledger) -> None:
    ledger.set_machine(MACHINE, max_agents=1)
    make_run(ledger, (agent(), 3))
    [job] = begin(ledger)
    end(ledger, job)

    ledger.renew(job, {JobState.REVIEW}, order=-1_000, mode="resume")

    [claimed] = ledger.claim(MACHINE).begins
    assert claimed.number == job.number
    assert attempt_of(ledger, claimed).mode == "resume"


# Events


def test_events_are_told_in_order_with_ids_to_go_on_from(ledger: Ledger, redis: Any) -> None:
    assert ledger.last_event_id() == "0-0"
    run = make_run(ledger)
    begin(ledger)
    entries = redis.xrange("aios:1:events")

    told = [(entry["kind"], entry["run"], entry["job"], entry["state"]) for _, entry in entries]

    job = str(run.jobs[0].number)
    assert told[0] == ("run", "1", "0", "")
    assert [state for *_, state in told[1:]] == ["preparing", "running"]
    assert {number for _, _, number, _ in told[1:]} == {job}
    assert ledger.last_event_id() == entries[-1][0]
    assert ledger.wait_event("0-0", timeout_s=1) == entries[0][0]
    assert ledger.wait_event(ledger.last_event_id(), timeout_s=0.01) is None
