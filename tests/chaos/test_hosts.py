"""Three hosts with clocks that differ by minutes: what a person has of all, and of those that died."""

from __future__ import annotations

from collections import Counter

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.states import living
from tests.acceptance.stack import QUICK
from tests.browser.viewer import captured
from tests.chaos.browsing import browser_on
from tests.chaos.fleet import RECOVERY_S
from tests.chaos.landings import Shop, check_history, check_landed, check_only_forward, file_of, shop
from tests.chaos.sites import MISSED_S, Site, working

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]


def test_all_goes_to_every_project_on_the_host_that_has_it(sites: list[Site]) -> None:
    founder = sites[0]

    jobs = founder.settle(founder.start("all", "d:2", QUICK), JobState.REVIEW)

    names = {site.machine: site.host.name for site in sites}
    assert Counter(names[job.machine] for job in jobs) == {"h1": 6, "h2": 6, "h3": 6}
    assert all(job.project.startswith(names[job.machine]) for job in jobs)
    founder.eventually(lambda: [job.added for job in founder.jobs(jobs[0].run)] == [1] * 18)
    for site in sites:
        site.check_sessions(site.here(jobs[0].run))


def test_terminals_of_all_agents_are_typed_into_and_seen_from_one_page(sites: list[Site]) -> None:
    founder = sites[0]
    jobs = founder.jobs(1)
    owners = {site.machine: site for site in sites}

    with browser_on(founder) as viewer:
        page = viewer.open("/jobs")
        for job in jobs:
            page.click(f"a.job[href='/jobs/{job.number}']")
            page.click(f".tabs a[href='/jobs/{job.number}/terminal']")
            viewer.await_live()
            viewer.type("demo: seconds 0.1\n")
            viewer.await_screen(lambda lines: sum(line.startswith("done: ") for line in lines) == 2)
            assert "demo> demo: seconds 0.1" in captured(owners[job.machine], job)
            page.click("nav a[href='/jobs']")

    founder.eventually(lambda: [job.turns for job in founder.jobs(1)] == [2] * 18)


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


def test_members_outlive_a_redis_that_is_killed(sites: list[Site]) -> None:
    founder, _, third = sites
    with founder.closed("h2-0", "h3-0"):
        works, over = (working(founder, name) for name in ("h2-0", "h3-0"))
        with founder.recovery("kill -9 of the founder's Redis, members work"):
            founder.kill("redis")
            founder.release("h3-0")
            founder.eventually(lambda: bool(founder.known()))
            run = third.start("all", "s:1", "write", "--only", "h?-1")
            for number in (run, over.run):
                founder.settle(number, JobState.REVIEW)
        founder.running(works.run, 1)
    founder.settle(works.run, JobState.REVIEW)
    founder.check_started_once([founder.job(works.number), founder.job(over.number), *founder.jobs(run)])


def test_members_outlive_a_crash_of_the_founders_host(sites: list[Site]) -> None:
    founder, second, third = sites
    with founder.closed("h1-0", "h2-0", "h3-0"):
        own, works, over = (working(founder, f"{site.host.name}-0") for site in sites)
        with founder.recovery("kill -9 of all on the founder's host, its start"):
            founder.crash()
            founder.release("h3-0")
            founder.come_back()
            founder.settle(over.run, JobState.REVIEW)
            (lost,) = founder.settle(own.run, JobState.FAILED)
        assert lost.cause == "session lost"
        founder.running(works.run, 1)
        second.check_sessions([works])
    founder.settle(works.run, JobState.REVIEW)
    jobs = founder.settle(third.start("all", "v:1", "turn", "--only", "h?-?"), JobState.REVIEW)
    assert {job.machine for job in jobs} == {site.machine for site in sites}
    founder.check_started_once([founder.job(works.number), founder.job(over.number), *jobs])


def test_a_members_host_that_crashes_goes_on_where_it_was(sites: list[Site]) -> None:
    founder, second, _ = sites
    lands, spawns = shop(second, "crash-lands"), shop(second, "crash-spawns")
    with founder.closed("h2-1"):
        (landing,) = second.settle(founder.start("multi", lands.name, "s:1", "write"), JobState.REVIEW)
        works = working(founder, "h2-1")
        second.arm("push-before")
        asked = founder.open("land", str(landing.number), "-y")
        second.await_point()
        second.arm("session-before")
        begun = founder.start("multi", spawns.name, "s:1", "write")
        second.await_point()
        with founder.recovery("kill -9 of all on a member's host, its start: spawn, run, landing"):
            second.crash()
            second.come_back()
            (lost,) = founder.settle(works.run, JobState.FAILED)
            founder.settle(begun, JobState.REVIEW)
            founder.settle(landing.run, JobState.LANDED)
    assert lost.cause == "session lost"
    asked.communicate(timeout=RECOVERY_S)
    assert asked.returncode == 0
    check_landed(second, lands, [founder.job(landing.number)])
    founder.check_started_once(founder.jobs(begun))


def test_the_work_of_a_host_that_never_comes_back_goes_on_elsewhere(sites: list[Site]) -> None:
    founder, second, third = sites
    with founder.served("shared") as place, founder.closed("h3-0"):
        job = _pushed(founder, place, "h3")
        held = working(founder, "h3-0")
        third.crash()
        founder.eventually(lambda: not founder.known()["h3"].is_there, deadline_s=MISSED_S)
        assert founder.ok("jobs", str(job.number), str(held.number)).count("unreachable since") == 2
        assert "unreachable since" in second.ok("machines")

        with founder.recovery("a host never comes back: removed, its work landed elsewhere"):
            founder.ok("machines", "remove", "h3", "-y")
            founder.settle(job.run, JobState.LOST)
            founder.settle(held.run, JobState.LOST)
            founder.ok("retry", str(job.number), "--machine", "h2")
            (again,) = founder.settle(job.run, JobState.REVIEW)
            assert again.machine == second.machine
            founder.ok("land", str(job.number), "-y")
        _check_landed_once(founder, place, job, ["h3", "h2"])


def test_a_removed_machine_that_comes_back_is_told_so_and_overwrites_nothing(sites: list[Site]) -> None:
    founder, second, _ = sites
    with founder.served("common") as place, founder.closed("h2-0", "h2-1"):
        job = _pushed(founder, place, "h2")
        held, ends = (working(founder, project) for project in ("h2-0", "h2-1"))
        second.host.cut()
        founder.ok("machines", "remove", "h2", "-y")
        founder.settle(job.run, JobState.LOST)
        founder.ok("retry", str(job.number))
        (again,) = founder.settle(job.run, JobState.REVIEW)
        assert again.machine == founder.machine
        founder.ok("land", str(job.number), "-y")

        with founder.recovery("a removed machine comes back and its stack ends"):
            second.host.heal()
            founder.release("h2-1")
            founder.eventually(lambda: not living(second.settings))
        for words in (["up"], ["multi", "h2-0", "v:1", "turn"]):
            assert "was removed from its cluster: aios worker --join" in second.refused(*words, code=3)
        second.check_sessions([job, held])
        assert held.name in second.ok("ls")
        assert (second.worktree(job) / file_of(job)).read_text() == "h2\n"
        _check_landed_once(founder, place, job, ["h2", "h1"])
        assert [founder.job(one.number).state for one in (held, ends)] == [JobState.LOST] * 2


def _pushed(founder: Site, place: Shop, machine: str) -> Job:
    """A job of that machine in review, whose unfinished work is on origin."""
    run = founder.start("multi", place.name, "v:1", "grow", "--machine", machine)
    (job,) = founder.settle(run, JobState.REVIEW)
    assert job.machine == founder.known()[machine].id
    founder.eventually(lambda: job.name in founder.git(place.remote, "for-each-ref", "refs/aios/wip"))
    return job


def _check_landed_once(founder: Site, place: Shop, job: Job, hosts: list[str]) -> None:
    """What each of these hosts added to the job's file is on main, by one landing."""
    check_history(founder, place.remote, [founder.job(job.number)])
    check_only_forward(founder, place)
    assert founder.git(place.remote, "show", f"main:{file_of(job)}").split() == hosts
    founder.eventually(lambda: not founder.git(place.remote, "for-each-ref", "refs/aios/wip"))
