"""What an agent's end, and a person, make of a job."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import JobState
from aios_app.stack.waiting import tries
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(60)

ENDLESS = "demo: seconds 50"
FAILING = "say hello\ndemo: seconds 0.1\ndemo: exit 7"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project, and agents of one line of shell each."""
    for key, name, line in (
        ("ok", "fine", "echo all is well"),
        ("no", "broken", "echo it broke; exit 7"),
        ("k", "killed", "kill -9 $$"),
        ("e", "showing", "env; test -f made && echo made it"),
        ("s", "asleep", "sleep 50"),
        ("y", "tidy", "trap 'sleep 1; exit 3' HUP; sh $AIOS_HOOK waiting '{}'; while :; do sleep 0.1; done"),
    ):
        stack.ok("agents", "add", key, name, "--", "sh", "-c", line)
    stack.ok("agents", "add", "m", "missing", "--", "no-such-program")
    return stack.project("shop")


@pytest.mark.parametrize(
    ("agent", "state", "cause"),
    [
        ("ok", JobState.REVIEW, ""),
        ("no", JobState.FAILED, "exited 7"),
        ("k", JobState.FAILED, "ended by SIGKILL"),
        ("m", JobState.FAILED, "exited 127 (command not found)"),
    ],
)
def test_the_end_of_an_agent_says_what_came_of_its_job(
    stack: Stack, shop: Path, agent: str, state: JobState, cause: str
) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", f"{agent}:1", "x"))

    assert (job.state, job.cause, job.is_open) == (state, cause, False)
    assert any(not stack.sessions([job]) for _ in tries(5))  # its wrapper ends after it has told the end
    assert stack.ledger.slots_used(stack.machine) == 0


def test_a_program_that_is_not_installed_is_named_in_the_log(stack: Stack, shop: Path) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", "m:1", "x"))

    assert "no-such-program is not installed" in stack.ok("logs", str(job.number))


def test_a_turn_that_is_over_leaves_the_agent_open_for_the_next_one(stack: Stack, shop: Path) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)

    stack.type(job, "and goodbye")
    [job] = stack.until(job.run, lambda jobs: jobs[0].turns == 2)

    assert (job.state, job.is_open) == (JobState.REVIEW, True)
    assert "goodbye" in job.message


@pytest.mark.parametrize("agent", ["d", "y"])
def test_a_terminal_that_the_person_closed_is_a_stopped_job(stack: Stack, shop: Path, agent: str) -> None:
    run = stack.start("multi", "shop", f"{agent}:1", "demo: seconds 0.1\ndemo: ask Shall I?")
    [job] = stack.until_all(run, JobState.WAITING)

    stack.tmux.kill_session(job.name)
    [job] = stack.until_over(job.run)

    assert (job.state, job.cause) == (JobState.STOPPED, "its terminal was closed")


def test_stop_ends_the_agent_with_its_children_and_keeps_the_worktree(stack: Stack, shop: Path) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "s:1", "x"), JobState.RUNNING)

    assert stack.ok("stop", str(job.number)) == f"#{job.number} stopped\n"

    assert stack.sessions([job]) == []
    assert psutil.wait_procs(stack.processes("AIOS_ATTEMPT", job.attempt), timeout=8)[1] == []
    assert Path(job.worktree).is_dir()
    assert stack.run("stop", str(job.number)).stdout == f"#{job.number} not running: stopped\n"


def test_x_ends_all_agents_and_what_has_not_begun(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "d:2", "--seq", ENDLESS)
    stack.until(run, lambda jobs: jobs[0].state is JobState.RUNNING)

    refused = stack.run("x")
    done = stack.run("x", "-y")

    assert refused.returncode == 3
    assert done.returncode == 0, done.stderr
    running, queued = stack.jobs(run)
    assert (running.state, running.cause) == (JobState.STOPPED, "")
    assert (queued.state, queued.cause) == (JobState.STOPPED, "not started")
    assert stack.tmux.sessions() == []


def test_a_job_that_takes_longer_than_its_limit_has_failed(stack: Stack, shop: Path) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", "d:1", "--limit", "2s", ENDLESS))

    assert (job.state, job.cause) == (JobState.FAILED, "took longer than its limit of 2 s")
    assert stack.sessions([job]) == []
    assert job.finished_ms - job.started_ms >= 2000


def test_retry_goes_on_in_the_same_worktree_and_fresh_in_a_new_one(stack: Stack, shop: Path) -> None:
    [first] = stack.until_over(stack.start("multi", "shop", "d:1", FAILING))
    Path(first.worktree, "left").write_text("of the first attempt")

    stack.ok("retry", str(first.number))
    [second] = stack.until_over(first.run)
    stack.ok("retry", str(first.number), "--fresh", "--agent", "ok")
    [third] = stack.until_over(first.run)

    assert (second.state, second.attempt_no, second.worktree) == (JobState.FAILED, 2, first.worktree)
    assert (third.state, third.attempt_no, third.agent) == (JobState.REVIEW, 3, "fine")
    assert third.worktree != first.worktree
    assert not Path(third.worktree, "left").exists()
    assert stack.git(Path(third.worktree), "branch", "--show-current") == third.branch != first.branch


def test_retry_of_a_run_takes_only_what_failed(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "ok:1", "no:2", "x")
    stack.until_over(run)

    stack.ok("retry", f"r{run}")
    jobs = stack.until_over(run)
    nothing = stack.run("retry", str(jobs[0].number))

    assert [job.attempt_no for job in jobs] == [1, 2, 2]
    assert nothing.returncode == 1
    assert f"#{jobs[0].number} is review: nothing to retry" in nothing.stderr


def test_wait_says_what_came_of_each_and_fails_if_one_did(stack: Stack, shop: Path) -> None:
    good = stack.start("multi", "shop", "d:1", QUICK)
    done = stack.run("wait", f"r{good}")
    mixed = stack.run("multi", "shop", "ok:1", "no:1", "x", "--wait")
    late = stack.run("multi", "shop", "d:1", ENDLESS)
    [job] = stack.jobs(stack.ledger.run_numbers()[0])
    gave_up = stack.run("wait", str(job.number), "--timeout", "1")
    stack.ok("stop", str(job.number))

    assert done.returncode == 0
    assert "review" in done.stdout
    assert "1 file +1 -0" in done.stdout
    assert mixed.returncode == 1
    assert "exited 7" in mixed.stdout
    assert late.returncode == 0
    assert (gave_up.returncode, "not finished after 1" in gave_up.stderr) == (1, True)


def test_logs_are_the_living_screen_and_the_last_one_afterwards(stack: Stack, shop: Path) -> None:
    [alive] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)
    [ended] = stack.until_over(stack.start("multi", "shop", "no:1", "x"))

    assert "done: added greeting" in stack.ok("logs", str(alive.number))
    assert stack.ok("logs", str(ended.number)).strip() == "it broke"


def test_the_agent_knows_its_job_and_ports_and_nothing_of_our_tmux(stack: Stack, shop: Path) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", "e:1", "x"))

    log = stack.ok("logs", str(job.number))

    lines = log.splitlines()
    assert f"AIOS_JOB={job.number}" in lines
    assert f"AIOS_PORT={job.port}" in lines
    assert f"AIOS_ATTEMPT={job.attempt}" in lines
    assert f"PWD={job.worktree}" in lines
    assert not [line for line in lines if line.startswith(("TMUX=", "TMUX_PANE=", "AIOS_TMUX"))]


def test_jobs_are_listed_in_every_form_with_one_schema(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "ok:1", "no:1", "the title")
    numbers = {job.number for job in stack.until_over(run)}

    listed = json.loads(stack.ok("jobs", f"r{run}", "--json"))
    running = json.loads(stack.ok("jobs", "-r", "--json"))
    runs = json.loads(stack.ok("jobs", "--runs", "--json"))
    text = stack.ok("jobs", f"r{run}", "--wide")

    assert listed["v"] == 1
    assert {job["number"]: job["state"] for job in listed["jobs"]} == dict(
        zip(sorted(numbers), ["review", "failed"], strict=True)
    )
    assert listed["jobs"][0]["state"] == "failed"  # what needs a person comes first
    assert not numbers & {job["number"] for job in running["jobs"]}
    assert next(one for one in runs["runs"] if one["number"] == run)["states"] == {"review": 1, "failed": 1}
    assert "because: exited 7" in text
    assert all(len(line) <= 80 for line in stack.ok("jobs", "--all").splitlines())


def test_ls_has_the_line_that_attaches_by_tmux_alone(stack: Stack, shop: Path) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", QUICK), JobState.REVIEW)

    listed = stack.ok("ls")

    line = next(line for line in listed.splitlines() if "attach" in line and job.name in line)
    assert str(stack.settings.tmux_socket) in line
    assert Path(job.worktree).name in listed


def test_worktrees_are_listed_and_printed_for_a_script(stack: Stack, shop: Path) -> None:
    [job] = stack.until_over(stack.start("multi", "shop", "d:1", QUICK))

    listed = stack.ok("w")

    assert f"w{job.number} " in listed
    assert job.branch in listed
    assert stack.ok(f"w{job.number}").strip() == job.worktree
    assert f"#{job.number}" in stack.ok("jobs", f"r{job.run}", cwd=Path(job.worktree))
    assert f"#{job.number}" in stack.ok("wait", ".", cwd=Path(job.worktree))


def test_ignored_files_that_the_project_names_are_in_the_worktree(stack: Stack) -> None:
    root = stack.project("dotted")
    (root / ".gitignore").write_text(".env\nsecret\n")
    (root / ".worktreeinclude").write_text(".env\n")
    (root / ".env").write_text("KEY=1\n")
    (root / "secret").write_text("no\n")
    stack.git(root, "add", ".gitignore", ".worktreeinclude")
    stack.git(root, "commit", "-q", "-m", "ignore")
    stack.git(root, "push", "-q")

    [job] = stack.until_over(stack.start("multi", "dotted", "ok:1", "x"))

    assert Path(job.worktree, ".env").read_text() == "KEY=1\n"
    assert not Path(job.worktree, "secret").exists()


def test_a_job_begins_at_the_fetched_base_and_says_what_is_not_included(stack: Stack) -> None:
    root = stack.project("behind")
    other = stack.root / "other"
    subprocess.run(
        ["git", "clone", "-q", str(stack.root / "remotes" / "behind.git"), str(other)],
        check=True,
        env=stack.environment,
    )
    (other / "new").write_text("pushed by another\n")
    stack.git(other, "add", "new")
    stack.git(other, "commit", "-q", "-m", "second")
    stack.git(other, "push", "-q")
    (root / "README.md").write_text("uncommitted\n")

    [job] = stack.until_over(stack.start("multi", "behind", "ok:1", "x"))
    [mine] = stack.until_over(stack.start("multi", "behind", "ok:1", "x", "--base", "HEAD"))

    assert (job.base_ref, job.base_sha) == ("origin/main", stack.git(other, "rev-parse", "HEAD"))
    assert "1 file is uncommitted: not included" in job.note
    assert Path(job.worktree, "new").exists()
    assert mine.base_sha == stack.git(root, "rev-parse", "HEAD")
    assert not Path(mine.worktree, "new").exists()
