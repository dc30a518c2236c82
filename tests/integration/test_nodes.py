"""Requests about jobs of another machine: two services, their nodes, and one Redis."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aios_app.domain.models import Job
from tests.integration import landing_jobs
from tests.integration.cluster_fixtures import Cluster, cluster
from tests.integration.landing_jobs import git
from tests.integration.web_fixtures import Site, eventually

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
