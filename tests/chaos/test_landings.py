"""Landings whose worker, Redis or remote fails: on the remote, or in the worktree, never neither."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import Job, JobState
from tests.chaos.fleet import ALL, Fleet
from tests.chaos.landings import (
    Shop,
    ask,
    check_landed,
    check_never_neither,
    check_only_forward,
    file_of,
    is_on,
    is_whole,
    merged_jobs,
    outcomes,
    put_hook,
    shop,
    worked,
)
from tests.integration.git_fixtures import deaf_port

__all__ = ["deaf_port"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

#: The steps of a landing, each a git command.
STEPS = ("commit", "fetch", "worktree", "merge", "push", "verify", "forward", "trash", "branch")
_ON_EVERY_CHANGE = ("commit", "merge", "push", "branch")
CASES = [pytest.param(step, marks=() if step in _ON_EVERY_CHANGE else pytest.mark.sweep) for step in STEPS]


@pytest.mark.parametrize("step", CASES)
def test_a_landing_goes_on_whose_worker_is_killed_before_a_step_and_again_after_it(
    fleet: Fleet, step: str
) -> None:
    place = shop(fleet, f"land-{step}")
    jobs = worked(fleet, place, "s:2", "write")
    fleet.arm(f"{step}-before")
    asked = ask(fleet, *jobs)
    fleet.await_point()
    with fleet.recovery(f"kill -9 of worker and its git, {step} of a landing"):
        fleet.kill("worker")
        for program in fleet.clients("git"):
            program.kill()
        check_never_neither(fleet, place, jobs)
        fleet.arm(f"{step}-after")
        fleet.await_point()

    with fleet.recovery(f"kill -9 of worker, after {step} of a landing"):
        fleet.kill("worker")
        check_never_neither(fleet, place, jobs)
        fleet.go()
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


@pytest.mark.parametrize("point", ["commit-after", "push-before", "push-after", "branch-before"])
def test_a_landing_goes_on_when_a_killed_redis_is_back(fleet: Fleet, point: str) -> None:
    place = shop(fleet, f"redis-{point}")
    jobs = worked(fleet, place, "v:2", "open")
    fleet.arm(point)
    asked = ask(fleet, *jobs)
    fleet.await_point()

    with fleet.recovery(f"kill -9 of Redis, {point.replace('-', ' ')} of a landing"):
        fleet.kill("redis")
        fleet.go()
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


@pytest.mark.parametrize("point", ["push-after", "branch-before"])
def test_a_landing_goes_on_after_the_loss_of_all_that_redis_knew(fleet: Fleet, point: str) -> None:
    place = shop(fleet, f"loss-{point}")
    jobs = worked(fleet, place, "s:3", "write")
    fleet.arm(point)
    with ask(fleet, *jobs) as asked:
        fleet.await_point()
        asked.kill()

    with fleet.recovery(f"all of Redis' data deleted, {point.replace('-', ' ')} of a landing"):
        with fleet.frozen("supervisor"):
            fleet.kill("redis")
            shutil.rmtree(fleet.settings.redis_dir)
        fleet.go()
        fleet.ok("up")
        fleet.settle(jobs[0].run, JobState.LANDED)

    check_landed(fleet, place, jobs)
    assert merged_jobs(fleet, place.remote) == [job.number for job in jobs]


def test_a_landing_goes_on_after_everything_was_killed_at_its_push(fleet: Fleet) -> None:
    place = shop(fleet, "land-all")
    jobs = worked(fleet, place, "s:2", "write")
    fleet.arm("push-after")
    with ask(fleet, *jobs) as asked:
        fleet.await_point()
        asked.kill()

    with fleet.recovery("kill -9 of all, push after of a landing"):
        fleet.kill(*ALL)
        check_never_neither(fleet, place, jobs)
        fleet.go()
        fleet.ok("up")
        assert outcomes(ask(fleet, *jobs)) == ["landed", "landed"]

    check_landed(fleet, place, jobs)


def test_a_worktree_that_is_being_deleted_at_the_kill_is_never_seen_half_and_leaves_no_rest(
    fleet: Fleet,
) -> None:
    place = shop(fleet, "half")
    (place.path / ".git" / "info" / "exclude").write_text("cache/\n")
    jobs = worked(fleet, place, "s:2", "write")
    cache = Path(jobs[0].worktree, "cache")
    cache.mkdir()
    for number in range(20_000):
        (cache / str(number)).touch()

    asked = ask(fleet, *jobs)
    fleet.eventually(lambda: not (cache / "0").exists())
    with fleet.recovery("kill -9 of worker, the worktree is being deleted"):
        fleet.kill("worker")
        assert not Path(jobs[0].worktree).exists()
        assert outcomes(asked) == ["landed", "landed"]

    check_landed(fleet, place, jobs)


def test_a_push_that_outlives_its_worker_and_comes_late_is_refused(fleet: Fleet) -> None:
    place = shop(fleet, "late")
    jobs = worked(fleet, place, "s:2", "write")
    fleet.arm("push-before")
    asked = ask(fleet, *jobs)
    fleet.await_point()
    orphans = fleet.clients("git")
    with fleet.recovery("kill -9 of worker, its push goes on after the end"):
        fleet.kill("worker")
        assert outcomes(asked) == ["landed", "landed"]

    fleet.go()
    psutil.wait_procs(orphans, timeout=10)

    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


def test_a_red_check_in_the_middle_of_the_line_stops_nobody_else(fleet: Fleet) -> None:
    place = shop(fleet, "red")
    jobs = worked(fleet, place, "s:3", "write")
    first, red, last = jobs
    fleet.ok("config", "red.check", f"test ! -e {file_of(red)}")

    came = outcomes(ask(fleet, *jobs))

    assert came == ["landed", "red", "landed"]
    assert is_whole(red)
    assert merged_jobs(fleet, place.remote) == [first.number, last.number]
    check_landed(fleet, place, [first, last])


# The remote

#: A stand-in for ssh on this machine; the word in ``fault`` is for the next push, and for what follows it.
_SSH = """\
#!/bin/sh
for command; do :; done
fault=$(cat {root}/fault 2>/dev/null)
case $fault:$command in
hangs:*receive-pack*) rm {root}/fault; exec sleep 300 ;;
goes:*receive-pack*) echo gone >{root}/fault ;;
gone:*) rm {root}/fault; exec sleep 300 ;;
esac
exec sh -c "$command"
"""
#: What kills the remote's git before, or after, it has taken a push.
_CUTS = {"pre-receive": "true", "reference-transaction": 'test "$1" = committed'}


@pytest.fixture(scope="module")
def ssh(fleet: Fleet) -> Path:
    """The program that leads to the remotes."""
    for name, limit in {"fetch_timeout": "2s", "push_timeout": "3s"}.items():
        fleet.ok("config", name, limit)
    return fleet.script("ssh", _SSH.format(root=fleet.root))


def by_ssh(fleet: Fleet, ssh: Path, name: str) -> tuple[Shop, list[Job]]:
    """A project that reaches its remote by ssh, and two jobs that may land."""
    place = shop(fleet, name)
    fleet.git(place.path, "config", "core.sshCommand", str(ssh))
    fleet.git(place.path, "remote", "set-url", "origin", f"ssh://far{place.remote}")
    return place, worked(fleet, place, "s:2", "write")


@pytest.mark.parametrize("hook", _CUTS)
def test_a_push_whose_connection_is_lost_lands_if_it_arrived_and_else_stays(
    fleet: Fleet, ssh: Path, hook: str
) -> None:
    place, jobs = by_ssh(fleet, ssh, f"cut-{hook}")
    once = fleet.script("once", "")
    put_hook(place, hook, f"{_CUTS[hook]} && rm {once} && kill -9 $PPID; exit 0")

    came = outcomes(ask(fleet, *jobs))

    if hook == "pre-receive":
        assert came == ["failed", "landed"]
        assert is_whole(jobs[0])
        assert outcomes(ask(fleet, jobs[0])) == ["landed"]
    assert came[-1] == "landed"
    check_landed(fleet, place, jobs)
    check_only_forward(fleet, place)


def test_a_remote_whose_branch_stays_locked_is_told_and_is_not_asked_without_end(
    fleet: Fleet, ssh: Path
) -> None:
    place, [job, _] = by_ssh(fleet, ssh, "locked")
    lock = place.remote / "refs" / "heads" / "main.lock"
    lock.touch()

    refused = fleet.run("land", str(job.number))
    lock.unlink()

    assert (refused.returncode, "took none of 5 pushes" in refused.stderr) == (4, True), refused
    assert "main.lock': File exists" in refused.stderr
    assert is_whole(job)
    assert outcomes(ask(fleet, job)) == ["landed"]
    check_landed(fleet, place, [job])


def test_a_remote_that_hangs_in_the_push_is_given_up_and_the_next_one_lands(fleet: Fleet, ssh: Path) -> None:
    place, jobs = by_ssh(fleet, ssh, "hangs")
    (fleet.root / "fault").write_text("hangs")

    assert outcomes(ask(fleet, *jobs)) == ["failed", "landed"]
    assert is_whole(jobs[0])
    assert fleet.processes("PWD", str(fleet.root)) == []
    assert outcomes(ask(fleet, jobs[0])) == ["landed"]
    check_landed(fleet, place, jobs)


def test_a_push_that_arrived_at_a_remote_that_then_hangs_is_found_there_later(
    fleet: Fleet, ssh: Path
) -> None:
    place, jobs = by_ssh(fleet, ssh, "goes")
    (fleet.root / "fault").write_text("goes")

    assert outcomes(ask(fleet, *jobs)) == ["failed", "landed"]
    assert is_on(fleet, place.remote, jobs[0])
    assert is_whole(jobs[0])
    assert outcomes(ask(fleet, jobs[0])) == ["landed"]
    check_landed(fleet, place, jobs)


def test_a_remote_that_says_nothing_and_one_that_refuses_keep_the_work_where_it_is(
    fleet: Fleet, ssh: Path, deaf_port: int
) -> None:
    place, jobs = by_ssh(fleet, ssh, "deaf")
    url = fleet.git(place.path, "remote", "get-url", "origin")
    fleet.git(place.path, "remote", "set-url", "origin", f"git://127.0.0.1:{deaf_port}/deaf.git")
    silent = outcomes(ask(fleet, *jobs))
    fleet.git(place.path, "remote", "set-url", "origin", url)
    refusal = put_hook(place, "pre-receive", "echo main is protected; exit 1")
    refused = fleet.run("land", *(str(job.number) for job in jobs), "-y")
    refusal.unlink()

    assert silent == ["failed", "failed"]
    assert (refused.returncode, refused.stderr.count("main is protected")) == (4, 2)
    assert [is_whole(job) for job in jobs] == [True, True]
    assert outcomes(ask(fleet, *jobs)) == ["landed", "landed"]
    check_landed(fleet, place, jobs)
