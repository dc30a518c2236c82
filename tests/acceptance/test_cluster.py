from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterator

import pytest

from aios_app.domain.models import JobState
from aios_app.stack.states import living
from tests.acceptance.machines import Founder, Member, known, machines
from tests.acceptance.stack import QUICK

pytestmark = [pytest.mark.long, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Founder, Member]]:
    """A founder and a member; each test begins with what the one before has left."""
    with machines() as both:
        yield both


def _token(**changes: object) -> str:
    values = {"node": "127.0.0.1:9", "pin": "0" * 64, "secret": "s", "expires_ms": 1} | changes
    return "aios1." + base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _opened(token: str) -> dict[str, object]:
    encoded = token.removeprefix("aios1.")
    opened: dict[str, object] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return opened


def test_who_cannot_join_is_told_why_in_one_line_and_nothing_is_changed(
    cluster: tuple[Founder, Member],
) -> None:
    founder, member = cluster
    good = _opened(founder.token())

    for token, code, words in (
        ("aios1.nothing", 2, "no join token"),
        (_token(), 4, "127.0.0.1:9 does not answer"),
        (_token(**good | {"pin": "0" * 64}), 4, "shows another certificate"),
        (_token(**good | {"secret": "invented"}), 2, "is of no use in this cluster"),
    ):
        done = member.run("worker", "--join", token, "--detach")
        assert (done.returncode, done.stdout) == (code, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not member.settings.cluster_file.exists()


def test_a_machine_joins_in_the_foreground_and_both_know_of_each_other(
    cluster: tuple[Founder, Member],
) -> None:
    founder, member = cluster

    member.work_in_foreground(founder.token())

    founder.await_event(lambda: bool(known(founder, founder).facts and known(founder, member).facts))
    for asked in (founder, member):
        shown = json.loads(asked.ok("machines", "--json"))["machines"]
        assert [one["unreachable_ms"] for one in shown] == [0, 0]
        assert [one["id"] for one in shown if one["has_redis"]] == [founder.machine]
        assert "2 machines" in asked.ok("status")
        assert "ok   cluster" in asked.run("doctor").stdout
    assert known(founder, member).name != known(founder, founder).name
    assert known(founder, member).address == "127.0.0.2"


def test_jobs_of_the_member_are_seen_everywhere_and_outlive_its_worker(
    cluster: tuple[Founder, Member],
) -> None:
    founder, member = cluster
    shop = member.project("shop")
    run = member.start("multi", "d:1", "stay\ndemo: seconds 30", cwd=shop)
    [job] = founder.until_all(run, JobState.RUNNING)
    assert job.machine == member.machine

    assert member.end(signal.SIGTERM) == 0

    assert not living(member.settings)
    assert member.sessions([job])
    assert "unreachable since" in founder.ok("jobs")
    assert "unreachable since" in founder.ok("machines")
    assert founder.job(job.number).state is JobState.RUNNING


def test_a_member_that_comes_back_goes_on_with_its_jobs(cluster: tuple[Founder, Member]) -> None:
    founder, member = cluster
    [job] = founder.ledger.jobs_in([JobState.RUNNING])

    member.ok("up")

    founder.await_event(lambda: known(founder, member).is_there)
    assert "unreachable" not in founder.ok("jobs")
    member.ok("stop", str(job.number))
    [ended] = founder.until_all(job.run, JobState.STOPPED)
    assert ended.attempt == job.attempt


def test_a_redis_that_is_killed_is_found_again_by_all(cluster: tuple[Founder, Member]) -> None:
    founder, member = cluster
    [redis] = [one for one in living(founder.settings) if one.name == "redis"]
    founder.ok("jobs")

    os.kill(redis.process.pid, signal.SIGKILL)
    founder.ok("up")

    run = member.start("multi", "shop", "d:1", QUICK)
    founder.until_all(run, JobState.REVIEW)


def test_the_jobs_of_a_removed_machine_are_lost_and_it_is_told_so(cluster: tuple[Founder, Member]) -> None:
    founder, member = cluster
    [job] = founder.ledger.jobs_in([JobState.REVIEW])
    name = known(founder, member).name

    asked = founder.run("machines", "remove", name)
    assert asked.returncode == 3
    assert f"#{job.number}" in asked.stderr
    said = member.ok("machines", "remove", name, "-y")  # any machine may be asked: the founder does it

    assert f"lost: #{job.number}" in said
    assert founder.job(job.number).state is JobState.LOST
    member.ok("down")
    refused = member.run("up")
    assert refused.returncode in {3, 4}  # its worker may have learned of it already
    assert "removed from its cluster" in refused.stderr
    assert member.sessions([job])


def test_it_may_join_again(cluster: tuple[Founder, Member]) -> None:
    founder, member = cluster

    member.join(founder.token(), "127.0.0.3")

    founder.await_event(lambda: known(founder, member).is_there)
    assert known(founder, member).address == "127.0.0.3"
    assert member.machine in founder.ledger.machines()
