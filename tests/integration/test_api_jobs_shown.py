"""What pages show of jobs and of the machine beside the jobs themselves: screens, events, load."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import Job, JobState
from aios_app.ledger import keys
from aios_app.ledger.connection import connect
from aios_app.services.context import Context
from tests.integration.api_fixtures import Api, serving
from tests.integration.service_fixtures import claimed, now, running, started

MakeProject = Callable[[str], Path]


@pytest.fixture
def api(context: Context) -> Iterator[Api]:
    context.catalog.put_agent(DEMO_AGENT)
    with serving(context) as client:
        yield client


@pytest.fixture
def shop(api: Api, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    api("POST /projects", {"path": str(root), "cwd": "/"})
    return root


def _show(context: Context, job: Job, text: str) -> None:
    """A session of the job that shows this."""
    fifo = context.settings.data_dir / "shown"
    os.mkfifo(fifo)
    script = 'printf "%s\\n" "$1"; : > "$2"; exec tail -f /dev/null'
    argv = ["sh", "-c", script, "sh", text, str(fifo)]
    context.tmux.new_session(job.name, cwd=context.settings.data_dir, argv=argv, environment={}, marks={})
    fifo.read_bytes()  # it was written, and tmux reads what comes of one terminal in its order
    fifo.unlink()


def test_the_last_line_of_each_open_screen_is_told(api: Api, shop: Path, context: Context) -> None:
    one, other, closed = running(context, "shop", "d:3", "fix it", cwd=shop)
    _show(context, one, "\u2500\u2500 almost <b>done</b> \u2500\u2500")
    _show(context, closed, "not open")
    context.ledger.note(closed.number, is_open=0)

    answer = api("POST /jobs/screens", {"refs": [f"r{one.run}"], "cwd": "/"})

    assert answer["screens"] == [{"job": one.number, "line": "almost <b>done</b>"}]
    assert other.is_open


def test_the_events_of_a_job_are_told_in_their_order(api: Api, shop: Path, context: Context) -> None:
    one, other = running(context, "shop", "d:2", "fix it", cwd=shop)
    context.ledger.move(one.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True)
    with connect(context.ledger.url) as redis:  # of a job that is long forgotten
        redis.xadd(keys.EVENTS, {"kind": "job", "run": "", "job": "77", "state": "review"})

    events = api(f"GET /jobs/{one.number}/events")["events"]

    states = [event["state"] for event in events]
    assert list(dict.fromkeys(states)) == ["preparing", "running", "review"]
    assert [event["at_ms"] for event in events] == sorted(event["at_ms"] for event in events)
    assert events[-1]["at_ms"] == now(context, [one])[0].since_ms
    assert other.number != one.number
    assert api("GET /jobs/99/events").status == 400


def test_of_many_events_the_newest_are_told(api: Api, shop: Path, context: Context) -> None:
    one, other = running(context, "shop", "d:2", "fix it", cwd=shop)
    for n in range(1200):
        context.ledger.note(other.number, note=str(n))
    context.ledger.move(other.attempt, {JobState.RUNNING}, JobState.REVIEW, finishes=True)

    assert [event["state"] for event in api(f"GET /jobs/{one.number}/events")["events"]][-1] == "running"
    events = api(f"GET /jobs/{other.number}/events")["events"]
    assert (len(events), events[-1]["state"]) == (200, "review")


def test_the_status_tells_of_the_machine_and_of_what_is_waited_for(
    api: Api, shop: Path, context: Context
) -> None:
    context.catalog.put_agent(DEMO_AGENT)
    started(context, "shop", "d:2", "one")
    started(context, "shop", "d:2", "two", is_sequential=True)
    context.ledger.set_machine(context.machine, max_agents=1)
    claimed(context)

    status = api("GET /status")
    machine = status["machine"]

    waits = {one["reason"]: one["jobs"] for one in status["queue"]}
    assert (waits, status["runs_open"]) == ({"for a free slot": 2, "after demo 1": 1}, 2)
    assert status["counts"] == {"preparing": 1, "queued": 3}
    assert 0 < machine["available_bytes"] < machine["memory_bytes"]
    assert (machine["cores"], machine["load"] >= 0, machine["uptime_s"] > 0) == (os.cpu_count(), True, True)
    assert all(machine["programs"].values())
