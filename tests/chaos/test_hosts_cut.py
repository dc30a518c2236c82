"""Three hosts with clocks that differ by minutes: a member, then the founder, is cut off from the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aios_app.domain.models import Job, JobState
from tests.chaos.browsing import browser_on
from tests.chaos.fleet import RECOVERY_S
from tests.chaos.landings import Shop, check_landed, outcomes, shop
from tests.chaos.sites import MISSED_S, Site, working

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

#: Seconds that a host is cut off at least.
_CUT_S = 62.0


def test_a_host_that_is_cut_off_at_every_step_loses_and_doubles_nothing(sites: list[Site]) -> None:
    founder, second, third = sites
    lands, spawns, runs, ends = (shop(second, name) for name in ("lands", "spawns", "runs", "ends"))
    with founder.closed(runs.name, ends.name):
        (landing,) = second.settle(founder.start("multi", lands.name, "s:1", "write"), JobState.REVIEW)
        works, over = (working(founder, place.name) for place in (runs, ends))
        second.arm("push-before")
        asked = founder.open("land", str(landing.number), "-y", "--json")
        second.await_point()
        begun = _about_to_spawn(founder, second, spawns)

        with founder.recovery("a host is cut off for a minute: spawn, run, end, landing"):
            with _terminal_of(founder, works), _cut_off(second):
                second.go()
                second.go()
                founder.release(ends.name)
                passed = founder.start("all", "s:1", "write", "--seq", "--only", "h?-2")
                founder.eventually(lambda: not founder.known()["h2"].is_there, deadline_s=MISSED_S)
                assert "unreachable since" in founder.ok("jobs", str(works.number))
                assert "h2" in founder.refused("diff", str(works.number))
                _pass_by(founder, passed)
                waits, goes_on = _sequences(founder)
                founder.settle(goes_on, JobState.REVIEW)
                founder.eventually(lambda: _is_waited_for(third, waits))
            for run in (begun, over.run, waits):
                founder.settle(run, JobState.REVIEW)
            founder.settle(passed, JobState.REVIEW, JobState.STOPPED)
        founder.running(works.run, 1)
    assert outcomes(asked) == ["landed"]
    jobs = [job for run in (begun, works.run, over.run) for job in founder.settle(run, JobState.REVIEW)]
    check_landed(second, lands, [founder.job(landing.number)])
    founder.check_started_once([*jobs, *founder.jobs(waits), *founder.jobs(goes_on)])
    assert all(job.machine == second.machine for job in jobs)
    assert [job.state for job in founder.jobs(passed)].count(JobState.STOPPED) == 1
    assert "unreachable" not in third.ok("jobs", "--all")


def test_a_founder_that_is_cut_off_finds_all_as_it_is(sites: list[Site]) -> None:
    founder, second, third = sites
    lands, spawns = shop(third, "far-lands"), shop(second, "far-spawns")
    with founder.closed("h1-2", "h2-2", "h3-2"):
        (landing,) = third.settle(founder.start("multi", lands.name, "s:1", "write"), JobState.REVIEW)
        jobs = [working(founder, f"{site.host.name}-2") for site in sites]
        third.arm("push-after")
        asked = third.open("land", str(landing.number), "-y", "--json")
        third.await_point()
        begun = _about_to_spawn(founder, second, spawns)

        with founder.recovery("the founder is cut off for a minute: spawn, end, landing of members"):
            with _cut_off(founder):
                second.go()
                third.go()
                founder.release("h1-2", "h2-2", "h3-2")
                founder.settle(jobs[0].run, JobState.REVIEW)
                assert "Redis does not answer" in third.refused("jobs")
            for run in (begun, *(job.run for job in jobs)):
                founder.settle(run, JobState.REVIEW)
    assert outcomes(asked) == ["landed"]
    check_landed(third, lands, [founder.job(landing.number)])
    founder.check_started_once([*(founder.job(job.number) for job in jobs), *founder.jobs(begun)])


@contextmanager
def _cut_off(site: Site) -> Iterator[None]:
    """For over a minute nothing reaches the host, and nothing comes from it."""
    until_s = time.monotonic() + _CUT_S
    site.host.cut()
    try:
        yield
        site.outlast(until_s - time.monotonic())
    finally:
        site.host.heal()


def _about_to_spawn(founder: Site, site: Site, place: Shop) -> int:
    """A run whose session is not there yet; tmux has ten seconds for it."""
    site.arm("session-before")
    begun = founder.start("multi", place.name, "s:1", "write")
    site.await_point()
    return begun


def _sequences(founder: Site) -> tuple[int, int]:
    """Two runs with one project after the other: one comes to a project of h2, the other does not."""
    sequence = ("all", "s:1", "write", "--seq")
    waits = founder.start(*sequence, "--only", "h?-0")
    return waits, founder.start(*sequence, "--only", "h1-1", "--only", "h3-*", "--except", "h3-0")


@contextmanager
def _terminal_of(founder: Site, job: Job) -> Iterator[None]:
    """A page of this terminal at the founder that was open before the block is live again after it."""
    with browser_on(founder) as viewer:
        viewer.terminal(job)
        yield
        viewer.page.wait_for_selector(".connection.live", timeout=1000 * RECOVERY_S)
        viewer.type("still here\n")
        viewer.await_line("still here")


def _pass_by(founder: Site, run: int) -> None:
    """The sequence has begun a job on the host that is away, and goes on once a person stops that."""
    first, away, last = founder.jobs(run)
    assert (first.state, away.state, last.state) == (JobState.REVIEW, JobState.PREPARING, JobState.QUEUED)
    assert "ends once its machine answers again" in founder.ok("stop", str(away.number))
    founder.eventually(lambda: founder.job(last.number).state is JobState.REVIEW)


def _is_waited_for(site: Site, run: int) -> bool:
    """Whether the sequence has come to the job of the host that is away, and says that it waits for that."""
    states = [job.state for job in site.jobs(run)]
    is_so = states == [JobState.REVIEW, JobState.QUEUED, JobState.QUEUED]
    return is_so and "for machine h2: unreachable since" in site.ok("jobs", "--wide", f"r{run}")
