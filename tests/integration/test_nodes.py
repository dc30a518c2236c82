"""Requests about jobs of another machine: two services, their nodes, and one Redis."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.models import Job
from aios_app.services.config import note_machine
from aios_app.services.reconcile import ensure_ledger
from tests.conftest import new_project
from tests.integration import landing_jobs
from tests.integration.cluster_fixtures import Cluster, cluster
from tests.integration.landing_jobs import git
from tests.integration.test_web_terminal import REDRAWS
from tests.integration.web_fixtures import PING, PONG, PROMPT, Site, eventually
from web.window import ACKED

__all__ = ["cluster"]


def worked(site: Site, *files: str) -> Job:
    """A job of that machine that is in review and has committed these files."""
    [job] = landing_jobs.worked(site.context, site.project, *files)
    return job


def test_what_is_sent_reaches_the_jobs_of_each_machine_in_the_order_that_was_asked_for(
    cluster: Cluster,
) -> None:
    there, here = cluster.far.shell(), cluster.near.shell()

    answer = cluster.near.api(
        "POST /jobs/send",
        {"refs": [str(there.number), str(here.number)], "cwd": "/", "text": "echo o$((1+1))k"},
    )

    assert [one["job"]["number"] for one in answer["results"]] == [there.number, here.number]
    for site, job in ((cluster.far, there), (cluster.near, here)):
        eventually(lambda site=site, job=job: "o2k" in site.context.tmux.capture(job.name), "shown")  # type: ignore[misc]


def test_a_terminal_of_another_machine_echoes_resizes_and_says_how_it_ended(cluster: Cluster) -> None:
    job = cluster.far.shell()

    with cluster.near.browser().socket(f"/attach/{job.name}?cols=90&rows=30") as terminal:
        hello = terminal.message()["hello"]
        terminal.type("echo $((6*7))x\n")
        terminal.until("42x")
        terminal.ask(resize=[101, 33])
        eventually(lambda: cluster.far.clients(job) == ["101x33"], "the new size")
        terminal.type("exit\n")
        closed = terminal.until_closed()

    assert (hello["job"]["number"], hello["read_only"]) == (job.number, False)
    assert closed.code == 4000


def test_the_difference_between_jobs_of_two_machines_is_as_on_one(cluster: Cluster) -> None:
    old = worked(cluster.near, "greeting.txt", "both.txt", "binary.bin")
    new = worked(cluster.far, "other.txt", "both.txt", "binary.bin")
    (Path(new.worktree) / "binary.bin").write_bytes(bytes(range(256)) * 40)
    (Path(new.worktree) / "both.txt").write_text("not committed \u00fc\n")

    answer = cluster.near.api("POST /jobs/diff", {"refs": [str(old.number), str(new.number)], "cwd": "/"})
    back = cluster.near.api("POST /jobs/diff", {"refs": [str(new.number), str(old.number)], "cwd": "/"})

    files = {one["path"]: one["is_binary"] for one in answer["files"]}
    assert files == {"binary.bin": True, "both.txt": False, "greeting.txt": False, "other.txt": False}
    assert "+not committed \u00fc" in answer["text"]
    assert f"-by {old.number}" in answer["text"]
    assert "-not committed \u00fc" in back["text"]
    theirs = git(new.worktree, "hash-object", "both.txt")
    assert subprocess.run(["git", "cat-file", "-e", theirs], cwd=old.path, check=False).returncode != 0


def test_candidates_of_two_machines_are_compared_side_by_side(cluster: Cluster) -> None:
    jobs = [worked(site, "a.txt") for site in (cluster.far, cluster.near)]

    answer = cluster.near.api("POST /jobs/compare", {"refs": [str(job.number) for job in jobs], "cwd": "/"})

    compared = [one["number"] for group in answer["groups"] for one in group["candidates"]]
    assert sorted(compared) == sorted(job.number for job in jobs)
    assert answer["problems"] == []


def test_a_path_is_added_by_the_machine_that_is_named(cluster: Cluster, short_path: Path) -> None:
    wiki = new_project(short_path, dict(os.environ), "wiki")

    answer = cluster.near.api("POST /projects", {"path": str(wiki), "cwd": "/", "machine": "far"})

    assert answer["project"]["machine_id"] == cluster.far.context.machine
    assert answer["facts"]["base"].startswith("origin/main")
    assert cluster.far.context.catalog.find_project("wiki").path == str(wiki)
    gone = cluster.near.api("POST /projects", {"path": "/nothing", "cwd": "/", "machine": "far"})
    assert gone["error"]["message"] == "/nothing does not exist"
    unknown = cluster.near.api("POST /projects", {"path": str(wiki), "cwd": "/", "machine": "nas"})
    assert "nas" in unknown["error"]["message"]


def test_one_job_of_each_machine_is_asked_for_and_nothing_begins(cluster: Cluster) -> None:
    jobs = [worked(site, "a.txt") for site in (cluster.far, cluster.near)]
    body = {"refs": [str(job.number) for job in jobs], "cwd": "/", "environment": {}}

    answer = cluster.near.api("POST /jobs/land", body)

    assert "question" in answer
    assert [name.split()[1] for name in answer["names"]] == [f"#{job.number}" for job in jobs]
    assert not [job for job in jobs if cluster.near.context.ledger.lines.landing(job.number)]


def test_what_one_machine_refuses_is_a_problem_beside_what_the_other_begins(cluster: Cluster) -> None:
    there, here = cluster.far.shell(), worked(cluster.near, "a.txt")
    body = {"refs": [str(there.number), str(here.number)], "cwd": "/", "is_confirmed": True}

    answer = cluster.near.api("POST /jobs/land", body)

    assert [one["job"] for one in answer["landings"]] == [here.number]
    [problem] = answer["problems"]
    assert problem["job"] == there.number
    assert "its agent works" in problem["message"]


def test_work_is_dropped_on_each_machine_and_brought_back_from_either(cluster: Cluster) -> None:
    jobs = [worked(site, "a.txt") for site in (cluster.far, cluster.near)]
    body = {"refs": [str(job.number) for job in jobs], "cwd": "/"}

    asked = cluster.near.api("POST /jobs/drop", body)
    assert all(Path(job.worktree).is_dir() for job in jobs)
    dropped = cluster.near.api("POST /jobs/drop", body | {"is_confirmed": True})
    trash = cluster.near.api("GET /trash")
    restored = cluster.near.api("POST /trash/restore", {"ref": str(jobs[0].number), "cwd": "/"})

    assert asked["question"].startswith("On far: Remove 1 worktree?")
    assert "On near: Remove 1 worktree?" in asked["question"]
    assert [(one["job"]["number"], one["is_dropped"]) for one in dropped["results"]] == [
        (job.number, True) for job in jobs
    ]
    places = {one["job"]: one["machine"] for one in trash["entries"]}
    assert [places[job.number] for job in jobs] == ["far", "near"]
    assert restored["job"]["number"] == jobs[0].number
    assert Path(jobs[0].worktree, "a.txt").is_file()


def test_logs_screens_and_worktrees_of_another_machine_are_read_through_its_node(cluster: Cluster) -> None:
    job, place = cluster.far.shell(), worked(cluster.far, "a.txt")
    eventually(lambda: PROMPT.strip() in cluster.far.context.tmux.capture(job.name), "the prompt")

    log = cluster.near.api(f"GET /jobs/{job.number}/log")
    history = cluster.near.api(f"GET /jobs/{job.number}/history", lines="20")
    screens = cluster.near.api("POST /jobs/screens", {"refs": [str(job.number)], "cwd": "/"})
    worktrees = cluster.near.api("GET /worktrees")["worktrees"]

    assert (log["source"], log["text"].strip()) == ("live screen", PROMPT.strip())
    assert history["text"].strip() == PROMPT.strip()
    assert screens["screens"] == [{"job": job.number, "line": PROMPT.strip()}]
    assert {one["machine"] for one in worktrees if one["job"] == place.number} == {"far"}


@pytest.mark.long
def test_a_viewer_that_stands_still_stops_the_other_machine_and_goes_on_later(cluster: Cluster) -> None:
    job = cluster.far.job("python3", "-c", REDRAWS)

    with cluster.near.browser().socket(f"/attach/{job.name}?cols=160&rows=75") as terminal:
        terminal.message()
        size = 0
        while size < ACKED[0]:
            size += len(terminal.receive()[1])
        eventually(lambda: cluster.far.clients(job) == [], "its tmux client is let go")
        terminal.send(PING, b"all?")
        while (frame := terminal._frame())[0] != PONG:
            size += len(frame[1])
        assert size < ACKED[0] + 128 * 1024
        terminal.ask(ack=size)
        assert terminal.receive()[1]


def test_the_ledger_is_told_again_where_the_nodes_are(cluster: Cluster) -> None:
    cluster.register(cluster.far, port=0, certificate="")

    ensure_ledger(cluster.far.context)

    assert cluster.stranger().get("/api/v1/status").status == 401


def test_a_machine_that_lets_nobody_in_any_more_is_not_asked(cluster: Cluster) -> None:
    context = cluster.far.context
    job = cluster.far.shell()

    note_machine(replace(context, settings=replace(context.settings, listen="")))
    try:
        answer = cluster.near.api(f"GET /jobs/{job.number}/log")
    finally:
        note_machine(context)

    assert (answer.status, answer["error"]["type"]) == (502, "MachineAway")
    assert answer["error"]["message"].startswith("far lets no other machine in")
