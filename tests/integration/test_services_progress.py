"""Unfinished work on origin: pushed after each turn, taken up on another machine, gone with the job."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.queue.sending import PROGRESS_PUSH
from aios_app.services.catalogue_sync import sync_catalogue
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.drop_jobs import drop_job
from aios_app.services.finish_job import finish_attempt, measure
from aios_app.services.retry_jobs import retry_jobs
from aios_app.services.save_progress import save_progress
from tests.integration.machine_fixtures import Join, join, sent_to
from tests.integration.service_fixtures import attempt_of, now, started

__all__ = ["join"]
Pair = tuple[Context, Context]


@pytest.fixture
def origin(short_path: Path, make_project: Callable[[str], Path]) -> Path:
    """The remote of project wiki."""
    make_project("wiki")
    return short_path / "remotes" / "wiki.git"


@pytest.fixture
def pair(join: Join, origin: Path) -> Pair:
    """Two machines that may clone wiki, whose unfinished work is pushed."""
    box, pi = join("box"), join("pi")
    box.catalog.add_url(f"file://{origin}", name="wiki")
    box.catalog.set("wiki.wip", "on")
    for ctx in (box, pi, box):
        sync_catalogue(ctx)
    return box, pi


@pytest.fixture
def failed(pair: Pair, environment: dict[str, str]) -> Job:
    """A job that failed on box, with a commit, a changed file and a new one."""
    box, _ = pair
    [job] = started(box, "wiki", "d:1", "x", machine="box")
    dispatch(box)
    create_worktree(box, job.attempt)
    [job] = now(box, [job])
    worktree = Path(job.worktree)
    (worktree / "done.txt").write_text("done\n")
    for words in (["add", "done.txt"], ["commit", "-qm", "half of it"]):
        subprocess.run(["git", *words], cwd=worktree, env=environment, check=True)
    (worktree / "README.md").write_text("changed\n")
    (worktree / "new.txt").write_text("new\n")
    box.ledger.move(job.attempt, {JobState.PREPARING}, JobState.RUNNING)
    finish_attempt(box, attempt_of(box, job), JobState.FAILED, "it fell over")
    measure(box, job.number)
    return now(box, [job])[0]


def refs(origin: Path) -> list[str]:
    """What origin has of unfinished work."""
    args = ["git", "for-each-ref", "--format=%(refname)", "refs/aios"]
    return subprocess.run(args, cwd=origin, check=True, capture_output=True, text=True).stdout.split()


def status(worktree: str) -> str:
    """What is uncommitted there, and the last commit."""
    words = [["status", "--short"], ["log", "-1", "--format=%s"]]
    said = (
        subprocess.run(["git", *w], cwd=worktree, check=True, capture_output=True, text=True) for w in words
    )
    return "".join(done.stdout for done in said)


def test_the_end_of_a_turn_has_the_work_pushed(pair: Pair, failed: Job, origin: Path) -> None:
    box, _ = pair
    before = status(failed.worktree)
    assert sent_to(box).count(PROGRESS_PUSH) == 1

    save_progress(box, failed.attempt)

    assert refs(origin) == [f"refs/aios/wip/{failed.name}"]
    assert len(now(box, [failed])[0].wip) == 40
    assert status(failed.worktree) == before


def test_without_the_setting_nothing_is_pushed(pair: Pair, failed: Job) -> None:
    box, _ = pair
    box.catalog.set("wiki.wip", "off")

    measure(box, failed.number)

    assert sent_to(box).count(PROGRESS_PUSH) == 1


def test_another_machine_goes_on_with_what_was_pushed(pair: Pair, failed: Job) -> None:
    box, pi = pair
    save_progress(box, failed.attempt)

    answer = retry_jobs(box, now(box, [failed]), agent="", is_fresh=False, machine="pi")
    dispatch(box)
    [again] = now(box, [failed])
    create_worktree(pi, again.attempt)

    assert answer["problems"] == []
    [again] = now(box, [failed])
    assert (again.machine, again.placed) == (pi.machine, "--machine pi")
    assert Path(again.worktree).parent == pi.settings.worktrees_dir
    assert again.branch == f"{failed.branch}-a2"
    assert status(again.worktree) == status(failed.worktree) == " M README.md\n?? new.txt\nhalf of it\n"
    assert (Path(again.worktree) / "README.md").read_text() == "changed\n"
    assert again.base_sha == failed.base_sha


def test_what_was_not_pushed_begins_anew_elsewhere_and_that_is_said(pair: Pair, failed: Job) -> None:
    box, pi = pair
    box.ledger.note(failed.number, wip="0" * 40)

    retry_jobs(box, now(box, [failed]), agent="", is_fresh=False, machine="pi")
    dispatch(box)
    create_worktree(pi, now(box, [failed])[0].attempt)

    [again] = now(box, [failed])
    assert status(again.worktree) == "first\n"
    assert again.note.startswith("its earlier work could not be fetched (couldn't find remote ref")


def test_a_lost_job_is_tried_again_wherever_there_is_room(pair: Pair, failed: Job) -> None:
    box, pi = pair
    save_progress(box, failed.attempt)
    pi.ledger.settle(failed.number, {JobState.FAILED}, JobState.LOST)
    pi.ledger.registry.remove(box.machine)

    answer = retry_jobs(pi, now(pi, [failed]), agent="", is_fresh=False)
    dispatch(pi)

    assert answer["problems"] == []
    [again] = now(pi, [failed])
    assert (again.state, again.machine) == (JobState.PREPARING, pi.machine)


def test_a_job_of_a_project_with_a_path_alone_stays(pair: Pair, make_project: Callable[[str], Path]) -> None:
    box, _ = pair
    box.catalog.add_project(make_project("shop"))
    [job] = started(box, "shop", "d:1", "x")
    finish_attempt(box, attempt_of(box, job), JobState.FAILED, "x")

    answer = retry_jobs(box, now(box, [job]), agent="", is_fresh=False, machine="pi")

    assert [problem["message"].partition(",")[0] for problem in answer["problems"]] == [
        f"#{job.number} stays: shop is not on pi"
    ]
    assert now(box, [job])[0].state is JobState.FAILED


def test_when_the_work_is_dropped_origin_loses_it(pair: Pair, failed: Job, origin: Path) -> None:
    box, _ = pair
    save_progress(box, failed.attempt)

    drop_job(box, now(box, [failed])[0])
    assert sent_to(box).count(PROGRESS_PUSH) == 2
    save_progress(box, failed.attempt)

    assert refs(origin) == []
    assert now(box, [failed])[0].wip == ""
    save_progress(box, failed.attempt)


def test_an_origin_that_refuses_is_noted_and_no_failure(pair: Pair, failed: Job, origin: Path) -> None:
    box, _ = pair
    hook = origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no such refs here >&2\nexit 1\n")
    hook.chmod(0o755)

    save_progress(box, failed.attempt)

    [job] = now(box, [failed])
    assert job.note.startswith("its unfinished work is not on origin: git push failed")
    assert job.state is JobState.FAILED
