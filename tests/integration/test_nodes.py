"""Requests about jobs of another machine: two services, their nodes, and one Redis."""

from __future__ import annotations

from tests.integration.cluster_fixtures import Cluster, cluster
from tests.integration.web_fixtures import eventually

__all__ = ["cluster"]


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
