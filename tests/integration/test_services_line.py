"""The line of landings over machines, crashes and a lost ledger, on real repositories."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.landing import Landing, Outcome
from aios_app.domain.models import Job, JobState
from aios_app.ledger import keys
from aios_app.ledger.connection import connect
from aios_app.queue.app import queue_name
from aios_app.services.context import Context, build_context
from aios_app.services.fire_timer import fire_due_timers
from aios_app.services.land_job import begin_landing
from aios_app.services.line_up import look_at_line, send_landings
from aios_app.services.reconcile import ensure_ledger
from aios_app.services.request_landing import LandingRequest, request_landings
from aios_app.settings import Settings
from aios_app.stack.address import redis_url
from aios_app.stack.waiting import tries
from tests.conftest import CHECKOUT
from tests.integration.landing_jobs import finish, git, is_on_remote, land, person, remote_of, shop, worked
from tests.private_redis import RedisServer

__all__ = ["person", "shop"]

pytestmark = pytest.mark.timeout(30)


def move_head(ctx: Context, landing: Landing, machine: str) -> None:
    """The head of the line is on another machine from now on."""
    client = connect(ctx.ledger.url)
    client.hset(keys.line(landing.line) + ":head", "machine", machine)
    client.close()


def test_a_head_of_another_machine_that_does_not_go_on_is_passed_over(context: Context, shop: Path) -> None:
    dead, waiting = worked(context, shop, "a.txt", count=2)
    for job in (dead, waiting):
        request_landings(context, LandingRequest(refs=[str(job.number)], cwd="/", environment={}))
    landing = context.ledger.lines.landing(dead.number)
    assert landing is not None

    look_at_line(context, landing.line)  # it has time left
    assert context.ledger.lines.landing(dead.number) == landing
    context.ledger.lines.step(landing, "pushes", lease_ms=0)
    look_at_line(context, landing.line)  # it is of this machine, whose worker begins it again
    assert context.ledger.lines.landing(dead.number) == landing
    move_head(context, landing, "elsewhere")
    context.ledger.lines.step(landing, "pushes", lease_ms=0)
    fire_due_timers(context)

    over = context.ledger.lines.landing(dead.number)
    assert over is not None
    assert (over.outcome, "did not go on" in over.problem) == (Outcome.FAILED, True)
    assert finish(context, waiting).outcome is Outcome.LANDED


def test_a_head_of_another_machine_is_told_of_its_turn_by_whoever_looks(context: Context, shop: Path) -> None:
    [job] = worked(context, shop)
    request_landings(context, LandingRequest(refs=[str(job.number)], cwd="/", environment={}))
    landing = context.ledger.lines.landing(job.number)
    assert landing is not None
    move_head(context, landing, "elsewhere")

    send_landings(context)

    client = connect(context.ledger.url)
    [message] = client.lrange(queue_name("elsewhere"), 0, -1)
    client.close()
    assert landing.id in message


def test_a_lost_ledger_gets_the_lines_back_in_their_order(
    context: Context, shop: Path, redis_server: RedisServer
) -> None:
    done, *jobs = worked(context, shop, "a.txt", count=4)
    land(context, done)
    refs = [str(number) for number in (jobs[1].number, jobs[0].number, jobs[2].number)]
    request_landings(context, LandingRequest(refs=refs, cwd="/", environment={}))
    numbers = [*map(int, refs), done.number]
    before = [context.ledger.lines.landing(number) for number in numbers]

    redis_server.kill()
    shutil.rmtree(redis_server.directory)
    redis_server.start()
    ensure_ledger(context)

    assert [context.ledger.lines.landing(number) for number in numbers] == before
    assert [landing.place for landing in before if landing] == [1, 2, 3, 0]


# Killed in the middle

_STAND_IN = """#!/bin/sh
case " $* " in
*"$KILL_AT"*) if [ "$KILL_WHEN" = after ]; then "$REAL_GIT" "$@"; fi; kill -9 "$PPID"; exit 1 ;;
esac
exec "$REAL_GIT" "$@"
"""
_LAND = """
import sys
from aios_app.services.context import build_context
from aios_app.services.land_job import begin_landing
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import load
ctx = build_context(load())
ensure_ledger(ctx)
begin_landing(ctx, int(sys.argv[1]), sys.argv[2], lambda key, call: call())
"""


@pytest.mark.parametrize(
    ("when", "command"),
    [
        ("after", " commit "),
        ("after", " merge --quiet --no-ff "),
        ("before", " push "),
        ("after", " push "),
        ("after", " ls-remote "),
        ("before", " update-ref -d refs/heads/aios/"),
    ],
)
def test_a_landing_whose_worker_was_killed_is_done_once_by_the_next(
    context: Context, shop: Path, environment: dict[str, str], tmp_path: Path, when: str, command: str
) -> None:
    [job] = worked(context, shop, "a.txt")
    Path(job.worktree, "b.txt").write_text("uncommitted\n")
    request_landings(context, LandingRequest(refs=[str(job.number)], cwd="/", environment={}))
    landing = context.ledger.lines.landing(job.number)
    assert landing is not None

    killed = run_killed(environment, tmp_path, landing, when=when, command=command)
    on_remote, has_worktree = is_on_remote(shop, "b.txt"), Path(job.worktree).is_dir()
    over = finish(context, job)

    assert killed == -signal.SIGKILL
    assert on_remote or has_worktree
    assert (over.outcome, over.problem) == (Outcome.LANDED, "")
    subjects = git(remote_of(shop), "log", "--format=%s", "main").splitlines()
    assert sorted(subjects) == ["first", "fix the login", "fix the login", f"work of {job.number}"]
    [now] = context.ledger.jobs([job.number])
    assert (now.state, now.landed_sha) == (JobState.LANDED, git(remote_of(shop), "rev-parse", "main"))
    assert not Path(job.worktree).exists()
    assert git(shop, "for-each-ref", "refs/aios/landing", "refs/heads/aios") == ""


def test_the_next_one_lands_while_one_that_was_killed_has_yet_to_clear_up(
    context: Context, shop: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    first, second = own_files(worked(context, shop, count=2))
    refs = [str(job.number) for job in (first, second)]
    request_landings(context, LandingRequest(refs=refs, cwd="/", environment={}))
    landing = context.ledger.lines.landing(first.number)
    assert landing is not None

    run_killed(environment, tmp_path, landing, when="before", command=" update-ref -d refs/heads/aios/")
    next_one = finish(context, second)
    over = finish(context, first)

    assert next_one.outcome is Outcome.LANDED
    assert over.outcome is Outcome.LANDED


def run_killed(
    environment: dict[str, str], folder: Path, landing: Landing, *, when: str, command: str
) -> int:
    """Runs the landing in a process that is killed before or after this git command; its exit status."""
    stand_in = folder / "bin" / "git"
    stand_in.parent.mkdir()
    stand_in.write_text(_STAND_IN)
    stand_in.chmod(0o755)
    variables = {
        "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
        "REAL_GIT": str(shutil.which("git")),
        "KILL_AT": command,
        "KILL_WHEN": when,
        "PYTHONPATH": str(CHECKOUT),
    }
    argv = [sys.executable, "-c", _LAND, str(landing.job), landing.id]
    done = subprocess.run(argv, env=environment | variables, check=False, capture_output=True, timeout=25)
    return done.returncode


# Over two machines


@pytest.mark.long
def test_two_machines_land_on_one_branch_that_others_push_to_and_nothing_is_lost(
    context: Context, shop: Path, settings: Settings, tmp_path: Path
) -> None:
    far_shop, foreign = tmp_path / "far" / "shop", tmp_path / "foreign"
    for clone in (far_shop, foreign):
        git("/", "clone", "-q", str(remote_of(shop)), str(clone))
    with joined(settings, tmp_path / "data") as far:
        far.catalog.add_project(far_shop)
        here = own_files(worked(context, shop, count=4))
        there = own_files(worked(far, far_shop, count=4))
        for ctx, jobs in ((context, here), (far, there)):
            refs = [str(job.number) for job in jobs]
            request_landings(ctx, LandingRequest(refs=refs, cwd="/", environment={}))
        workers = [threading.Thread(target=work, args=(ctx,)) for ctx in (context, far)]
        for worker in workers:
            worker.start()
        for number in range(4):
            push_foreign(foreign, f"foreign-{number}.txt")
        for worker in workers:
            worker.join(25)

    landings = [context.ledger.lines.landing(job.number) for job in (*here, *there)]
    assert len({landing.line for landing in landings if landing}) == 1
    assert [landing.outcome for landing in landings if landing] == [Outcome.LANDED] * 8
    subjects = git(remote_of(shop), "log", "--format=%s", "main").splitlines()
    assert sorted(subjects) == sorted(["first", *["foreign"] * 4, *["fix the login"] * 16])
    assert all(is_on_remote(shop, f"{job.number}.txt") for job in (*here, *there))
    assert all(is_on_remote(shop, f"foreign-{number}.txt") for number in range(4))


@contextmanager
def joined(settings: Settings, data_dir: Path) -> Iterator[Context]:
    """Another machine with a catalogue and files of its own that shares the ledger."""
    data_dir.mkdir()
    far = build_context(
        replace(settings, data_dir=data_dir, runtime_dir=data_dir, redis_url=redis_url(settings))
    )
    try:
        ensure_ledger(far)
        yield far
    finally:
        far.close()


def own_files(jobs: list[Job]) -> list[Job]:
    """The jobs, each with a file that no other has, uncommitted."""
    for job in jobs:
        Path(job.worktree, f"{job.number}.txt").write_text("mine\n")
    return jobs


def work(ctx: Context) -> None:
    """Lands what stands first and is of this machine until nobody stands in line."""
    while heads := ctx.ledger.lines.heads():
        after = ctx.ledger.last_event_id()
        mine = [head for head in heads if head.machine == ctx.machine]
        for head in mine:
            begin_landing(ctx, head.job, head.landing, lambda _key, call: call())
        if not mine:
            ctx.ledger.wait_event(after, timeout_s=1)


def push_foreign(clone: Path, file: str) -> None:
    """Somebody else's commit, on the remote in the end."""
    (clone / file).write_text("foreign\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "foreign")
    for _ in tries(20):
        git(clone, "pull", "-q", "--rebase")
        if subprocess.run(["git", "push", "-q"], cwd=clone, check=False, capture_output=True).returncode == 0:
            return
    pytest.fail("the foreign push never came through")
