"""Three hosts with clocks that differ by minutes: one is cut off at every step, one never comes back."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.machines import YOUNG_MS
from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK
from tests.chaos.landings import Shop, check_history, check_landed, file_of, shop
from tests.chaos.sites import Site, cluster
from tests.conftest import new_project

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

#: Seconds after which a host that is cut off is said to be.
MISSED_S = YOUNG_MS / 1000 + 40


@pytest.fixture(scope="module")
def sites() -> Iterator[list[Site]]:
    """A founder and two members."""
    folder = Path(tempfile.mkdtemp(prefix="aios-h-", dir="/tmp"))
    try:
        with cluster(folder) as joined:
            yield joined
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_all_goes_to_every_project_on_the_host_that_has_it(sites: list[Site]) -> None:
    founder = sites[0]

    run = founder.start("all", "v:2", "turn")
    jobs = founder.settle(run, JobState.REVIEW)

    names = {site.machine: site.host.name for site in sites}
    assert Counter(names[job.machine] for job in jobs) == {"h1": 6, "h2": 6, "h3": 6}
    assert all(job.project.startswith(names[job.machine]) for job in jobs)
    for site in sites:
        site.check_sessions(site.here(run))
    founder.check_started_once(jobs)


def test_every_machine_shows_and_steers_every_job(sites: list[Site]) -> None:
    founder, second, third = sites
    (job,) = second.settle(third.start("multi", "h2-0", "d:1", QUICK), JobState.REVIEW)

    assert job.machine == second.machine
    for site in sites:
        assert f"#{job.number} " in site.ok("jobs")
        assert "+Hello! You asked: say hello" in site.ok("diff", str(job.number))
        assert job.name in site.ok("ls")
    assert "delivered" in third.ok("send", str(job.number), "go on")
    founder.ok("stop", str(job.number))
    second.settle(job.run, JobState.STOPPED)


def test_no_clock_but_that_of_redis_orders_or_ends_anything(sites: list[Site]) -> None:
    founder, second, third = sites
    for site in sites:
        run = site.start("multi", f"{site.host.name}-1", "v:1", "turn", "--limit", "2m")
        (job,) = site.settle(run, JobState.REVIEW)
        assert abs(job.finished_ms - founder.ledger.now_ms()) < 60_000
        assert " 0s " in third.ok("jobs", f"r{run}") or " 1s " in third.ok("jobs", f"r{run}")
    assert all(machine.is_there for machine in second.known().values())


def test_a_host_that_is_cut_off_at_every_step_loses_and_doubles_nothing(sites: list[Site]) -> None:
    founder, second, _ = sites
    lands, spawns, runs, ends = (shop(second, name) for name in ("lands", "spawns", "runs", "ends"))
    with founder.closed(runs.name, ends.name):
        (landing,) = second.settle(founder.start("multi", lands.name, "s:1", "write"), JobState.REVIEW)
        working = [founder.start("multi", place.name, "s:1", "hold") for place in (runs, ends)]
        for run in working:
            founder.running(run, 1)
        second.arm("session-before")
        begun = founder.start("multi", spawns.name, "s:1", "write")
        second.await_point()
        second.arm("push-before")
        asked = founder.open("land", str(landing.number), "-y", "--json")
        second.await_point()

        with founder.recovery("a host cut off for a minute: spawn, run, end, landing"):
            second.host.cut()
            second.go()
            second.go()
            founder.release(ends.name)
            founder.eventually(lambda: not founder.known()["h2"].is_there, deadline_s=MISSED_S)
            assert "unreachable since" in founder.ok("jobs")
            _starts_elsewhere_meanwhile(founder)
            second.host.heal()
            founder.settle(begun, JobState.REVIEW)
            founder.settle(working[1], JobState.REVIEW)
        founder.running(working[0], 1)
    jobs = [job for run in (begun, *working) for job in founder.settle(run, JobState.REVIEW)]

    print(asked.communicate(timeout=60))
    print(founder.ok("jobs"), (second.root/"data/logs/worker.log").read_text()[-6000:])
    founder.settle(landing.run, JobState.LANDED)
    check_landed(second, lands, [founder.job(landing.number)])
    founder.check_started_once(jobs)


def test_the_work_of_a_host_that_never_comes_back_goes_on_elsewhere(sites: list[Site]) -> None:
    founder, _, third = sites
    place = _shared(founder, "shared")
    run = founder.start("multi", place.name, "v:1", "open", "--machine", "h3")
    (job,) = third.settle(run, JobState.REVIEW)
    founder.eventually(lambda: _wip(founder, place, job))
    third.crash()
    founder.eventually(lambda: not founder.known()["h3"].is_there, deadline_s=MISSED_S)

    founder.ok("machines", "remove", "h3", "-y")
    founder.settle(run, JobState.LOST)
    founder.ok("retry", str(job.number), "--machine", "h2")
    (again,) = founder.settle(run, JobState.REVIEW)

    assert again.machine == founder.known()["h2"].id
    assert (Path(again.worktree) / file_of(again)).is_file()
    founder.ok("land", str(job.number), "-y")
    check_history(founder, place.remote, [founder.job(job.number)])


def _starts_elsewhere_meanwhile(founder: Site) -> None:
    """The others do not wait for a host that is away."""
    (job,) = founder.settle(founder.start("multi", "h3-2", "s:1", "write"), JobState.REVIEW)
    assert job.state is JobState.REVIEW


def _shared(founder: Site, name: str) -> Shop:
    """A project that any machine may clone, whose work in progress is pushed."""
    made = Shop(
        new_project(founder.root, founder.environment, name), founder.root / "remotes" / f"{name}.git"
    )
    founder.ok("add", made.remote.as_uri())
    founder.ok("config", f"{name}.wip", "on")
    return made


def _wip(founder: Site, place: Shop, job: Job) -> bool:
    return f"refs/aios/wip/{job.number}" in founder.git(place.remote, "for-each-ref")
