"""The check of a job whose turn is over; the test does the worker's part."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import NotNow
from aios_app.domain.landing import Outcome
from aios_app.domain.models import Job, JobState
from aios_app.ledger.connection import connect
from aios_app.queue.app import queue_name
from aios_app.queue.sending import check_task_id
from aios_app.services.check_job import begin_check, check_log
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.handle_signal import handle_signal
from aios_app.services.job_log import CHECK, show_log
from aios_app.services.reconcile import ensure_ledger, reconcile
from aios_app.services.records import job_dir
from aios_app.services.run_check import run_check
from aios_app.spool.files import Signal
from aios_app.stack.address import redis_py_url
from tests.integration.landing_jobs import land, person
from tests.integration.service_fixtures import claimed, now, started

__all__ = ["person"]

MakeProject = Callable[[str], Path]


@pytest.fixture
def ctx(context: Context) -> Iterator[Context]:
    """With the stand-in agent, and room for four."""
    context.catalog.put_agent(DEMO_AGENT)
    context.catalog.set("max_agents", "4")
    ensure_ledger(context)
    yield context
    context.tmux.stop_if_empty()


@pytest.fixture
def shop(ctx: Context, make_project: MakeProject) -> Path:
    """A saved project whose check wants a file `good`."""
    root = make_project("shop")
    set_check(ctx, ctx.catalog.add_project(root), "test -f good && echo fine")
    return root


def set_check(ctx: Context, project: Any, command: str) -> None:
    """The person's own command."""
    ctx.catalog.set_project_setting(project, "check", command)


def at_work(ctx: Context, shop: Path) -> Job:
    """A job whose agent is said to work in a worktree that is there."""
    [job] = started(ctx, "d:1", "x", cwd=shop)
    claimed(ctx)
    create_worktree(ctx, job.attempt)
    ctx.ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING, is_open=1)
    return now(ctx, [job])[0]


def done(ctx: Context, job: Job, *files: str) -> Job:
    """The agent has made these files, and its turn is over."""
    for name in files:
        (Path(job.worktree) / name).write_text("x\n")
    return tell(ctx, job, "turn")


def tell(ctx: Context, job: Job, kind: str, payload: str = "{}") -> Job:
    """The agent leaves a signal; the job as it is then."""
    handle_signal(ctx, Signal(job.attempt, 1, kind, payload.encode()))
    return now(ctx, [job])[0]


def worked_off(ctx: Context, job: Job) -> Job:
    """The worker has taken the task, and its thread has run."""

    def start(_key: str, call: Callable[[], object]) -> bool:
        call()
        return True

    begin_check(ctx, job.attempt, start)
    return now(ctx, [job])[0]


def begun(ctx: Context, job: Job) -> threading.Thread:
    """The thread in which the job's check runs, which has written its first word."""
    thread = threading.Thread(target=worked_off, args=(ctx, job))
    thread.start()
    log = check_log(ctx.settings, job.number)
    for _ in range(500):
        if log.is_file() and log.stat().st_size:
            break
        threading.Event().wait(0.01)
    return thread


def is_sent(ctx: Context, job: Job) -> bool:
    """Whether the task of the check of the job's turn is in the queue."""
    return check_task_id(job) in {message["headers"]["id"] for message in queued(ctx)}


def queued(ctx: Context) -> list[dict[str, Any]]:
    """What lies in the queue of the machine."""
    redis = connect(redis_py_url(ctx.settings))
    found = [json.loads(text) for text in redis.lrange(queue_name(ctx.machine), 0, -1)]
    redis.close()
    return found


def forget_queued(ctx: Context) -> None:
    """The messages are lost."""
    redis = connect(redis_py_url(ctx.settings))
    redis.delete(queue_name(ctx.machine))
    redis.close()


@pytest.mark.parametrize(("file", "check"), [("good", "passed"), ("bad", "failed")])
def test_the_check_of_a_finished_turn_passes_or_fails(
    ctx: Context, shop: Path, file: str, check: str
) -> None:
    job = done(ctx, at_work(ctx, shop), file)
    assert (job.check, job.files, is_sent(ctx, job)) == ("queued", 1, True)

    job = worked_off(ctx, job)

    assert (job.check, job.check_command) == (check, "test -f good && echo fine")
    assert json.loads((job_dir(ctx.settings, job.number) / "job.json").read_text())["check"] == check
    assert begin_check(ctx, job.attempt, lambda *_: pytest.fail("begun again")) == {
        "job": job.number,
        "check": check,
        "check_ms": job.check_ms,
        "project": "shop",
    }


def test_what_a_check_says_is_its_log(ctx: Context, shop: Path) -> None:
    red = worked_off(ctx, done(ctx, at_work(ctx, shop), "bad"))
    green = worked_off(ctx, done(ctx, at_work(ctx, shop), "good"))

    assert show_log(ctx, number=green.number, of=CHECK)["text"] == "fine\n"
    assert show_log(ctx, number=red.number, of=CHECK)["text"] == "\naios: exited 1\n"


def test_a_job_without_a_check_says_how_to_set_one(ctx: Context, shop: Path) -> None:
    with pytest.raises(NotNow, match=r"aios config shop\.check COMMAND"):
        show_log(ctx, number=at_work(ctx, shop).number, of=CHECK)


def test_a_turn_without_a_change_is_not_checked(ctx: Context, shop: Path) -> None:
    job = done(ctx, at_work(ctx, shop))

    assert (job.state, job.check, job.check_command, job.commits) == (JobState.REVIEW, "", "", 0)
    assert not is_sent(ctx, job)


def test_nobody_sees_a_finished_turn_before_its_check_is_queued(ctx: Context, shop: Path) -> None:
    job = at_work(ctx, shop)
    seen: list[str] = []
    move = ctx.ledger.move

    def moved(*args: Any, **changes: Any) -> bool:
        done = move(*args, **changes)
        seen.extend(found.check for found in now(ctx, [job]) if found.state is JobState.REVIEW)
        return done

    object.__setattr__(ctx.ledger, "move", moved)
    done(ctx, job, "good")

    assert seen[0] == "queued"


def test_an_agent_that_ends_by_itself_is_checked_too(ctx: Context, shop: Path) -> None:
    job = at_work(ctx, shop)
    (Path(job.worktree) / "good").write_text("x\n")

    job = worked_off(ctx, tell(ctx, job, "exit", "status=0\n"))

    assert (job.state, job.check) == (JobState.REVIEW, "passed")


def test_the_end_of_an_agent_in_review_keeps_what_its_check_said(ctx: Context, shop: Path) -> None:
    job = worked_off(ctx, done(ctx, at_work(ctx, shop), "good"))

    assert tell(ctx, job, "exit", "status=0\n").check == "passed"


def test_a_further_turn_ends_a_check_and_drops_what_came_of_it(ctx: Context, shop: Path) -> None:
    set_check(ctx, ctx.catalog.projects()[0], "echo begun; sleep 57")
    job = done(ctx, at_work(ctx, shop), "good")
    thread = begun(ctx, job)

    job = tell(ctx, job, "prompt")
    thread.join(5)

    assert not thread.is_alive()
    assert (now(ctx, [job])[0].check, ctx.trouble.is_set()) == ("", False)


@pytest.mark.timeout(30)
def test_a_landing_ends_the_check_before_it_commits_and_no_other_begins(ctx: Context, shop: Path) -> None:
    command = 'case "$PWD" in */landing/*) ;; *) echo begun; sleep 57 ;; esac'
    set_check(ctx, ctx.catalog.projects()[0], command)
    job = done(ctx, at_work(ctx, shop), "good")
    thread = begun(ctx, job)

    landing = land(ctx, now(ctx, [job])[0], is_kept=True)
    thread.join(5)

    assert not thread.is_alive()
    assert (landing.outcome, now(ctx, [job])[0].check) == (Outcome.LANDED, "")
    assert landing.steps[0] == "note the check of its worktree was ended"
    assert not ctx.trouble.is_set()


def test_a_check_of_an_older_turn_is_not_begun(ctx: Context, shop: Path) -> None:
    job = done(ctx, at_work(ctx, shop), "good")
    calls: dict[str, Callable[[], object]] = {}
    begin_check(ctx, job.attempt, lambda key, call: calls.setdefault(key, call) is call)
    tell(ctx, job, "prompt")
    job = done(ctx, job)
    begin_check(ctx, job.attempt, lambda key, call: calls.setdefault(key, call) is call)

    older, newer = calls.values()
    older()
    assert now(ctx, [job])[0].check == "queued"
    newer()
    assert now(ctx, [job])[0].check == "passed"


@pytest.mark.parametrize("check", ["queued", "running"])
def test_a_check_that_died_with_its_worker_is_sent_again(ctx: Context, shop: Path, check: str) -> None:
    job = done(ctx, at_work(ctx, shop), "good")
    ctx.ledger.note_check(job, {"queued"}, check=check)
    forget_queued(ctx)

    reconcile(ctx)

    assert is_sent(ctx, job)
    assert worked_off(ctx, job).check == "passed"


def test_a_check_that_cannot_run_is_red_and_says_why(ctx: Context, shop: Path) -> None:
    job = done(ctx, at_work(ctx, shop), "good")
    Path(job.worktree).rename(shop.parent / "elsewhere")

    assert worked_off(ctx, job).check == "failed"


def test_a_check_has_the_ports_of_its_job_and_its_limit(ctx: Context, shop: Path, tmp_path: Path) -> None:
    set_check(ctx, ctx.catalog.projects()[0], "echo $AIOS_JOB $AIOS_PORT $AIOS_DATA_DIR; sleep 57")
    ctx.catalog.set("check_limit", "1s")
    job = at_work(ctx, shop)

    result = run_check(ctx, job, cwd=tmp_path, log=tmp_path / "log")

    assert result is not None
    assert (result.is_passed, result.words) == (False, "took longer than 1s")
    assert (tmp_path / "log").read_text().startswith(f"{job.number} {job.port}\n")


def test_a_fresh_worktree_is_set_up_before_its_check(ctx: Context, shop: Path, tmp_path: Path) -> None:
    project = ctx.catalog.projects()[0]
    ctx.catalog.set_project_setting(project, "setup", "touch good")
    job = at_work(ctx, shop)

    done_so = run_check(ctx, job, cwd=tmp_path, log=tmp_path / "log", with_setup=True)
    ctx.catalog.set_project_setting(project, "setup", "exit 3")
    not_so = run_check(ctx, job, cwd=tmp_path, log=tmp_path / "log", with_setup=True)

    assert done_so is not None
    assert done_so.is_passed
    assert not_so is not None
    assert (not_so.is_passed, not_so.words) == (False, "setup exited 3")


def test_a_project_without_a_check_has_none_to_run(ctx: Context, shop: Path, tmp_path: Path) -> None:
    set_check(ctx, ctx.catalog.projects()[0], "")
    job = done(ctx, at_work(ctx, shop), "good")

    assert (job.check, is_sent(ctx, job)) == ("", False)
    assert run_check(ctx, job, cwd=tmp_path, log=tmp_path / "log") is None


def test_an_agent_that_is_brought_back_meanwhile_keeps_its_check_going(ctx: Context, shop: Path) -> None:
    job = tell(ctx, done(ctx, at_work(ctx, shop), "good"), "exit", "status=0\n")
    assert ctx.ledger.renew(job, {JobState.REVIEW}, order=1, mode="resume")

    assert worked_off(ctx, job).check == "passed"


def test_a_job_that_is_dropped_meanwhile_has_no_check_any_more(ctx: Context, shop: Path) -> None:
    job = tell(ctx, done(ctx, at_work(ctx, shop), "good"), "exit", "status=0\n")
    assert ctx.ledger.settle(job.number, {JobState.REVIEW}, JobState.DROPPED)

    assert worked_off(ctx, job).check == ""
    assert not check_log(ctx.settings, job.number).exists()


def test_a_further_turn_whose_size_nobody_took_is_measured_by_the_next_worker(
    ctx: Context, shop: Path
) -> None:
    job = done(ctx, at_work(ctx, shop), "one")
    ctx.ledger.move(job.attempt, {JobState.REVIEW}, JobState.RUNNING)
    (Path(job.worktree) / "two").write_text("x\n")
    ctx.ledger.move(job.attempt, {JobState.RUNNING}, JobState.REVIEW, turns=2)
    assert now(ctx, [job])[0].files == 1

    reconcile(ctx)

    assert now(ctx, [job])[0].files == 2
