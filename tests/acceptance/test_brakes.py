"""A fleet that is held back: staggered starts, a rate limit, at most so many of a kind; and who is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from aios_app.agents import DEFAULT_AGENTS
from aios_app.domain.models import Job, JobState
from aios_app.services.context import open_catalog
from aios_app.stack.waiting import tries
from tests.acceptance.stack import QUICK, Stack

pytestmark = pytest.mark.timeout(90)

#: Speaks as Claude does: it hits a limit as long as there is a file of that name, else its turn is over.
FAKE = """\
#!/bin/sh
say() { printf '%s' "$1" | /bin/sh "$AIOS_HOOK" hook; }
say '{"hook_event_name": "UserPromptSubmit"}'
if [ -e LIMIT ]; then
    say '{"hook_event_name": "StopFailure", "error": "rate_limit", "last_assistant_message": "WORDS"}'
else
    say '{"hook_event_name": "Stop", "last_assistant_message": "done"}'
fi
exec cat
"""


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


@pytest.fixture
def limit(stack: Stack) -> Path:
    """The file whose presence is a limit; ``f`` is an agent of the kind claude."""
    path = stack.root / "limit"
    program = stack.script(
        "fake-claude", FAKE.replace("LIMIT", str(path)).replace("WORDS", "try again in 2 hours")
    )
    claude = next(agent for agent in DEFAULT_AGENTS if agent.name == "claude")
    catalog = open_catalog(stack.settings)
    catalog.put_agent(replace(claude, uuid="", key="f", name="fake", argv=(str(program),)))
    catalog.close()
    stack.ok("config", "stagger_claude", "0")
    path.touch()
    return path


@pytest.fixture
def staggered(stack: Stack) -> Iterator[None]:
    """Starts of the stand-in agent are two seconds apart."""
    stack.ok("config", "stagger_demo", "2s")
    yield
    stack.ok("config", "--unset", "stagger_demo")


@pytest.mark.long
def test_agents_of_one_login_start_so_long_apart_and_say_what_they_wait_for(
    stack: Stack, shop: Path, staggered: None
) -> None:
    run = stack.start("multi", "shop", "d:4", QUICK)
    held = [
        job.reason for job in stack.until(run, lambda jobs: any(job.reason for job in jobs)) if job.reason
    ]

    jobs = stack.until_all(run, JobState.REVIEW)

    assert "for its turn: demo start 2 s apart" in held
    starts = sorted(job.started_ms for job in jobs)
    assert all(later - earlier > 1_700 for earlier, later in pairwise(starts))
    assert starts[-1] - starts[0] < 15_000


def test_no_more_of_a_kind_than_the_person_allows_work_at_once(stack: Stack, shop: Path) -> None:
    stack.ok("config", "max_demo", "1")
    run = stack.start("multi", "shop", "d:3", QUICK)
    most = 0

    def all_in_review(jobs: list[Job]) -> bool:
        nonlocal most
        most = max(most, sum(job.is_open for job in jobs))
        return all(job.state is JobState.REVIEW for job in jobs)

    stack.until(run, lambda jobs: all_in_review(list(jobs)))
    stack.ok("config", "--unset", "max_demo")

    assert most == 1


def test_a_rate_limit_parks_its_agents_until_a_retry_works(stack: Stack, shop: Path, limit: Path) -> None:
    [hit] = stack.until_all(stack.start("multi", "shop", "f:1", "x"), JobState.FAILED)
    queued = stack.start("multi", "shop", "f:3", "x")
    stack.until(queued, lambda jobs: all("rate-limited" in job.reason for job in jobs))

    shown, status = stack.ok("jobs", f"r{queued}"), stack.ok("status")
    limit.unlink()
    stack.ok("retry", str(hit.number))
    stack.until_all(hit.run, JobState.REVIEW)
    stack.until_all(queued, JobState.REVIEW)

    assert hit.cause == "rate limit: try again in 2 hours"
    assert shown.count("waits: claude is rate-limited until ") == 3
    assert "limits    claude is rate-limited until " in status
    assert "rate-limited" not in stack.ok("status")


@pytest.mark.long
def test_a_storm_of_failures_is_told_in_one_message(stack: Stack, shop: Path) -> None:
    said = stack.root / "said"
    bell = stack.script("bell", f'#!/bin/sh\n{{ echo "$AIOS_EVENT $AIOS_JOBS"; cat; }} >> {said}\n')
    stack.ok("config", "notify", str(bell))
    asks = stack.start("multi", "shop", "d:1", "x\ndemo: ask Proceed? $(x)")
    run = stack.start("multi", "shop", "d:6", "x\ndemo: seconds 0.1\ndemo: exit 7")
    stack.until_all(run, JobState.FAILED)

    assert any(said.exists() and said.read_text().count("\n") >= 2 for _ in tries(15))
    stack.ok("config", "notify", "off")
    stack.ok("stop", f"r{asks}")

    about, message, *more = said.read_text().splitlines()
    numbers = [job.number for job in (*stack.jobs(asks), *stack.jobs(run))]
    assert more == []
    assert about == f"waiting,failed {','.join(map(str, numbers))}"
    assert message.startswith(
        f"1 waits, 6 failed: #{numbers[0]} shop asks: Proceed? $(x); #{numbers[1]} shop"
    )


def test_stats_add_up_what_came_of_the_jobs(stack: Stack, shop: Path) -> None:
    jobs = stack.until_over(stack.start("multi", "shop", "d:1", QUICK))

    rows = json.loads(stack.ok("stats", "--json", "--days", "1"))["rows"]
    [row] = [row for row in rows if (row["project"], row["agent"]) == ("shop", "demo")]
    table = stack.ok("stats")
    by_run = stack.ok("stats", "--by", "run").splitlines()
    [today] = {row["day"] for row in json.loads(stack.ok("stats", "--by", "day", "--json"))["rows"]}

    assert row["review"] >= 1
    assert row["work_ms"] >= jobs[0].finished_ms - jobs[0].started_ms > 0
    assert (row["tokens_in"], row["cost_usd"]) == (0, "")
    assert table.splitlines()[0].startswith("project  agent")
    assert any(line.startswith("shop     demo ") for line in table.splitlines())
    assert any(line.split()[:3] == [f"r{jobs[0].run}", "demo", "1"] for line in by_run)
    assert today == datetime.now().astimezone().date().isoformat()
    assert stack.run("stats", "--days", "0").returncode == 2
    assert stack.run("stats", "--by", "moon").returncode == 2
