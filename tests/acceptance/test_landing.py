"""Work that lands from the command line, and what may stand in its way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.waiting import tries
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project with a remote."""
    return stack.project("shop")


def reviewed(stack: Stack, project: str, count: int = 1, prompt: str = QUICK) -> list[Job]:
    """Jobs whose agents have committed a greeting each, and are open at their prompts."""
    return stack.until_all(stack.start("multi", project, f"d:{count}", prompt), JobState.REVIEW)


def on_remote(stack: Stack, name: str) -> list[str]:
    """The files of main of the project's remote."""
    remote = stack.root / "remotes" / f"{name}.git"
    return stack.git(remote, "ls-tree", "-r", "--name-only", "main").splitlines()


def test_a_job_lands_and_each_step_is_said(stack: Stack, shop: Path) -> None:
    [job] = reviewed(stack, "shop")
    Path(job.worktree, "more.txt").write_text("not committed by its agent\n")
    stack.ok("config", "shop.check", "test -f more.txt")

    said = stack.ok("land", str(job.number)).splitlines()

    commit, merged, check, seen, checkout, removed = said
    assert commit.endswith(' "say hello"')
    assert merged.startswith("ok merged into main ")
    assert check == "ok check 0 s"
    assert seen == "ok on origin/main (verified)"
    assert checkout.startswith("your main is at ")
    assert removed == "ok worktree removed (30 days: aios trash)"
    assert stack.job(job.number).state is JobState.LANDED
    assert stack.sessions([job]) == []
    assert "more.txt" in on_remote(stack, "shop")
    stack.ok("config", "shop.check", "")


def test_landing_twice_says_so_and_removes_nothing_else(stack: Stack, shop: Path) -> None:
    one, other = reviewed(stack, "shop", 2)

    stack.ok("w++", str(one.number), "-y")
    again = stack.run(f"w++{one.number}", "-y")

    assert (again.returncode, again.stdout.startswith("ok already on origin/main")) == (0, True)
    assert stack.job(other.number).state is JobState.REVIEW
    assert Path(other.worktree).is_dir()


def test_a_conflict_is_given_to_its_agent_and_lands_once_it_is_resolved(stack: Stack, shop: Path) -> None:
    first, second = reviewed(stack, "shop", 2)
    for job in (first, second):
        Path(job.worktree, "README.md").write_text(f"by {job.number}\n")
    stack.ok("land", str(first.number))

    refused = stack.run("land", str(second.number))
    asked = stack.run("land", str(second.number), "--resolve")
    stack.until(second.run, lambda jobs: jobs[1].turns == 2)
    log = stack.ok("logs", str(second.number))

    assert (refused.returncode, asked.returncode) == (3, 3)
    assert "README.md" in refused.stderr
    assert f"aios land {second.number} --resolve" in refused.stderr
    assert "its agent resolves it now" in asked.stderr
    assert "git fetch origin && git merge origin/main" in log
    stack.git(Path(second.worktree), "fetch", "-q", "origin")
    with pytest.raises(subprocess.CalledProcessError):
        stack.git(Path(second.worktree), "merge", "-q", "origin/main")
    Path(second.worktree, "README.md").write_text("by both\n")
    stack.git(Path(second.worktree), "commit", "-q", "-a", "-m", "resolved")
    assert stack.run("land", str(second.number)).returncode == 0
    assert (shop / "README.md").read_text() == "by both\n"


def test_a_landing_survives_the_kill_of_its_worker_and_an_impatient_person(stack: Stack) -> None:
    stack.project("slow")
    begun, go = stack.root / "begun", stack.root / "go"
    wait = f"echo $$ >> {begun}; until test -e {go}; do sleep 0.05; done"
    stack.ok("config", "slow.check", f"case $PWD in */landing/*) {wait};; esac")
    [job] = reviewed(stack, "slow")
    following, leaving = (stack.open("land", str(job.number)) for _ in range(2))
    assert leaving.stdout is not None
    assert any(line.startswith("ok merged") for line in leaving.stdout)
    assert any(begun.exists() for _ in tries(20))

    leaving.send_signal(signal.SIGINT)
    _, left = leaving.communicate(timeout=20)
    worker = json.loads(stack.ok("status", "--json"))["worker"]["pid"]
    os.kill(worker, signal.SIGKILL)
    assert any(begun.read_text().count("\n") == 2 for _ in tries(20))
    go.touch()
    out, err = following.communicate(timeout=20)

    assert (leaving.returncode, "the landing goes on" in left) == (130, True)
    assert (following.returncode, out.splitlines()[-1][:19], err) == (0, "ok worktree removed", "")
    remote = stack.root / "remotes" / "slow.git"
    assert stack.git(remote, "log", "--format=%s", "main").splitlines().count("say hello") == 1
    assert f"greeting-{job.number}.md" in on_remote(stack, "slow")


def test_those_of_a_run_whose_check_passed_land_in_line_and_the_others_stay(stack: Stack) -> None:
    stack.project("many")
    stack.ok("config", "many.check", 'test -n "$AIOS_JOB" && test $((AIOS_JOB % 2)) = 0')
    run = stack.start("multi", "many", "d:4", QUICK)
    jobs = stack.until(run, lambda jobs: all(job.check in {"passed", "failed"} for job in jobs))

    refused = stack.run("land", f"r{run}", "--passed")
    done = stack.run("land", f"r{run}", "--passed", "-y", "--json")

    passed = [job.number for job in jobs if job.check == "passed"]
    assert len(passed) == 2
    assert (refused.returncode, "Land 2 jobs?" in refused.stderr) == (3, True)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["v"]) == (0, 1)
    assert [(one["job"], one["outcome"]) for one in answer["landings"]] == [(n, "landed") for n in passed]
    states = {job.number: job.state for job in stack.jobs(run)}
    assert [states[job.number] for job in jobs if job.check == "failed"] == [JobState.REVIEW] * 2


def test_pick_lands_one_and_drops_its_rivals_and_revert_undoes_it(stack: Stack, shop: Path) -> None:
    best, other = reviewed(stack, "shop", 2)

    unsure = stack.run("pick", str(best.number))
    stack.ok("pick", str(best.number), "my pick", "-y")
    landed = on_remote(stack, "shop")
    unclear = stack.run("revert", str(best.number), "-y", cwd=shop)
    stack.ok("revert", f"#{best.number}", "-y")

    assert (unsure.returncode, f"drop #{other.number}" in unsure.stderr) == (3, True)
    assert [job.state for job in stack.jobs(best.run)] == [JobState.LANDED, JobState.DROPPED]
    assert not Path(other.worktree).exists()
    assert (unclear.returncode, f"aios revert -n {best.number}" in unclear.stderr) == (2, True)
    assert set(landed) - set(on_remote(stack, "shop")) == {f"greeting-{best.number}.md"}


def test_what_may_not_land_is_refused_with_what_to_do(stack: Stack, shop: Path) -> None:
    [working] = stack.until_all(stack.start("multi", "shop", "d:1", "demo: seconds 50"), JobState.RUNNING)
    [quiet] = reviewed(stack, "shop", prompt="demo: no change\ndemo: seconds 0.1")

    at_work = stack.run("land", str(working.number))
    unknown = stack.run("land", "99999")
    unchanged = stack.run("land", str(quiet.number))
    stack.ok("stop", str(working.number))

    assert (at_work.returncode, f"aios stop {working.number}" in at_work.stderr) == (3, True)
    assert unknown.returncode == 2
    assert (unchanged.returncode, "no change to land" in unchanged.stderr) == (3, True)
