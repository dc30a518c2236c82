"""Two machines, one person: whatever can be asked about a job can be asked on the other machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.states import living
from tests.acceptance.machines import Founder, Member, machines
from tests.acceptance.stack import QUICK
from tests.conftest import CHECKOUT, new_project
from tests.integration.api_fixtures import Api
from tests.integration.web_fixtures import Browser, Closed, eventually
from web.door import Close

pytestmark = [pytest.mark.timeout(90), pytest.mark.long]
Pair = tuple[Founder, Member]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Machines box and pi, which both may clone api; pi has wiki."""
    with machines() as (box, pi):
        box.ok("config", "machine_name", "box")
        pi.ok("config", "machine_name", "pi")
        pi.join(box.token())
        pi.project("wiki")
        new_project(box.root, box.environment, "api")
        box.ok("add", f"file://{box.root}/remotes/api.git")
        yield box, pi


def worked(pair: Pair, *places: str) -> list[Job]:
    """Jobs in review, asked for on box, one on each of these machines."""
    box, _ = pair
    runs = [box.start("multi", "api", "d:1", "--machine", place, QUICK) for place in places]
    return [box.until_all(run, JobState.REVIEW)[0] for run in runs]


def test_work_of_both_machines_is_seen_compared_and_steered_from_either(pair: Pair) -> None:
    box, pi = pair
    here, there = worked(pair, "box", "pi")
    both = [str(here.number), str(there.number)]

    sessions = json.loads(box.ok("ls", "--json"))["sessions"]
    lines = {one["job"]: (one["machine"], one["attach"]) for one in sessions}
    compared = json.loads(box.ok("compare", *both, "--json"))
    diff = box.ok("diff", str(there.number))
    difference = pi.ok("diff", *both)
    sent = box.run("send", *both, "demo: no change", "--wait")
    shell = box.run("w", str(there.number))

    assert lines[there.number] == ("pi", f"aios attach {there.number}")
    assert lines[here.number][0] == "box"
    assert "tmux" in lines[here.number][1]
    [group] = compared["groups"]
    assert sorted(one["number"] for one in group["candidates"]) == [here.number, there.number]
    assert compared["problems"] == []
    assert f"+++ b/greeting-{there.number}.md" in diff
    assert f"a/greeting-{here.number}.md b/greeting-{there.number}.md" in difference
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert "demo agent" in box.ok("logs", str(there.number))
    assert shell.returncode == 3
    assert "another machine" in shell.stderr


def test_an_agent_is_opened_in_a_project_of_the_other_machine(pair: Pair) -> None:
    box, pi = pair
    words = ("d", "wiki", "-d", "-p", QUICK)

    first = json.loads(box.ok(*words, "--json"))
    job = box.until_all(first["job"]["run"], JobState.REVIEW)[0]
    again = json.loads(box.ok("d", "wiki", "-d", "-p", "demo: no change", "--json"))

    assert (job.machine, job.worktree) == (pi.machine, str(pi.root / "code" / "wiki"))
    assert again["job"]["number"] == job.number
    assert again["delivery"]["is_delivered"]


def test_work_lands_from_the_other_machine_and_rivals_there_are_dropped(pair: Pair) -> None:
    box, pi = pair
    box.environment["SSH_AUTH_SOCK"] = "/nowhere"
    try:
        [there] = worked(pair, "pi")
        landed = box.run("land", str(there.number))
    finally:
        del box.environment["SSH_AUTH_SOCK"]
    assert landed.returncode == 0, landed.stdout + landed.stderr
    assert "not those of your terminal on box" in landed.stdout + landed.stderr
    assert box.job(there.number).state is JobState.LANDED
    assert not Path(there.worktree).exists()

    run = box.start("multi", "api", "d:4", QUICK)
    jobs = box.until_all(run, JobState.REVIEW)
    best = next(job for job in jobs if job.machine == pi.machine)
    assert any(job.machine == box.machine for job in jobs)
    picked = box.run("pick", str(best.number), "-y")
    assert picked.returncode == 0, picked.stdout + picked.stderr
    states = {JobState.LANDED, JobState.DROPPED}
    box.until(run, lambda jobs: {job.state for job in jobs} == states)
    assert not [job for job in jobs if Path(job.worktree).exists()]
    restored = box.run("trash", "restore", str(next(job.number for job in jobs if job.number != best.number)))
    assert restored.returncode == 0, restored.stdout + restored.stderr


def test_jobs_of_both_machines_land_together_after_one_question(pair: Pair) -> None:
    box, pi = pair
    here, there = worked(pair, "box", "pi")
    both = [str(here.number), str(there.number)]

    asked = pi.run("land", *both)
    landed = pi.run("land", *both, "-y")

    assert asked.returncode == 3
    assert f"land #{here.number}" in asked.stderr
    assert f"land #{there.number}" in asked.stderr
    assert landed.returncode == 0, landed.stdout + landed.stderr
    assert {box.job(job.number).state for job in (here, there)} == {JobState.LANDED}


def test_a_terminal_comes_back_after_the_other_machines_service_was_killed(pair: Pair) -> None:
    box, pi = pair
    [there] = worked(pair, "pi")
    api = Api(box.settings.api_socket)
    browser = Browser(api("GET /status")["web"]["url"])
    browser.log_in(api)

    with browser.socket(f"/attach/{there.name}?cols=90&rows=30") as terminal:
        terminal.until("done:")
        web = next(record.process.pid for record in living(pi.settings) if record.name == "web")
        os.kill(web, signal.SIGKILL)
        closed = terminal.until_closed()
    assert closed.code == Close.GOING_AWAY

    codes: list[int] = []

    def comes_back() -> bool:
        with browser.socket(f"/attach/{there.name}") as terminal:
            try:
                terminal.until("done:")
            except Closed as away:
                codes.append(away.code)
                return False
            terminal.type("demo: no change\r")
            terminal.until("nothing to change")
            return True

    eventually(comes_back, "the terminal is back")
    assert set(codes) <= {Close.MACHINE_AWAY}


def test_attach_inside_the_persons_own_tmux_opens_a_window_with_the_other_machines_job(pair: Pair) -> None:
    box, pi = pair
    [there] = worked(pair, "pi")
    own = box.root / "own.sock"
    environment = box.environment | {"PYTHONPATH": str(CHECKOUT)}

    def tmux(*words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(own), *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout  # nothing of a window that is not there

    tmux("-f", "/dev/null", "new-session", "-d", "-s", "mine", "-x", "100", "-y", "30", "sh")
    try:
        line = f"{sys.executable} -m aios_app.cli attach {there.number}"
        tmux("send-keys", "-t", "mine:0", line, "Enter")
        eventually(lambda: "done:" in tmux("capture-pane", "-p", "-t", "mine:1"), "its window")
        tmux("send-keys", "-t", "mine:1", "demo: no change", "Enter")
        eventually(lambda: "nothing to change" in tmux("capture-pane", "-p", "-t", "mine:1"), "the answer")
        tmux("send-keys", "-t", "mine:1", "C-b", "d")
        eventually(lambda: "1:" not in tmux("list-windows", "-t", "mine"), "the window is gone")
    finally:
        tmux("kill-server")
    assert pi.sessions([there])
