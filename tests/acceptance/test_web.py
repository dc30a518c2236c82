"""Browsers and a whole AIOS: in by the command line, through a restart, to agents that were closed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from aios_app.domain.models import Job, JobState
from aios_app.stack.processes import Record
from tests.acceptance.stack import DEADLINE_S, QUICK, Stack
from tests.integration.web_fixtures import Browser, Closed, WebSocket, certificate

__all__ = ["certificate"]

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project, and room for two agents."""
    stack.ok("config", "max_agents", "2")
    return stack.project("shop")


def browser_for(stack: Stack, job: Job) -> Browser:
    """Logged in by the address that the command line prints where there is no display."""
    url = stack.ok("attach", str(job.number), "--web").strip()
    base, _, rest = url.partition("/login")
    browser = Browser(base)
    assert browser.get(f"/login{rest}").status == 200
    return browser


def web_pid(stack: Stack) -> int:
    record = Record.read(stack.settings.run_dir, "web")
    assert record is not None
    return record.process.pid


def again(browser: Browser, path: str) -> WebSocket:
    """Connects until the service is back, as the page does."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return browser.connect(path)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # nothing tells when a killed service is back


def test_up_says_where_browsers_come_in(stack: Stack, shop: Path) -> None:
    assert "browsers     http://127.0.0.1:" in stack.ok("up")
    assert "browsers  http://127.0.0.1:" in stack.ok("status")


def test_after_the_service_was_killed_browsers_come_back_to_the_exact_screen(
    stack: Stack, shop: Path
) -> None:
    [job] = stack.until_all(stack.start("multi", "shop", "d:1", "demo: ask Shall I?"), JobState.WAITING)
    browser = browser_for(stack, job)

    with browser.socket(f"/attach/{job.name}") as terminal:
        terminal.until("Shall I?")
        os.kill(web_pid(stack), signal.SIGKILL)
        with pytest.raises(Closed) as closed:
            terminal.until("never")
    with again(browser, f"/attach/{job.name}") as terminal:
        terminal.until("Shall I?")
        terminal.type("yes\r")
        stack.until_all(job.run, JobState.REVIEW)

    assert closed.value.code == 1006


def test_an_agent_that_was_closed_comes_back_with_its_conversation(stack: Stack, shop: Path) -> None:
    jobs = stack.until_all(stack.start("multi", "shop", "d:4", QUICK), JobState.REVIEW)
    job = next(job for job in jobs if not job.is_open)

    with browser_for(stack, job).socket(f"/attach/{job.name}") as terminal:
        hello = terminal.message()["hello"]
        terminal.until(f"conversation {job.conversation}")

    assert (hello["is_resumed"], hello["job"]["is_open"]) == (True, True)


@pytest.mark.long
def test_up_takes_a_certificate_once_for_all_and_refuses_what_is_none(
    stack: Stack, certificate: tuple[Path, Path]
) -> None:
    cert, key = map(str, certificate)
    before = web_pid(stack)
    alone = stack.run("up", "--cert", cert)
    wrong = stack.run("up", "--cert", key, "--key", key)
    missing = stack.run("up", "--cert", cert, "--key", f"{key}.none")
    assert [done.returncode for done in (alone, wrong, missing)] == [2, 4, 4]
    assert "--cert and --key go together" in alone.stderr
    assert f"cannot be used ({cert}, {key}.none)" in missing.stderr
    assert web_pid(stack) == before

    try:
        said = stack.ok(
            "up", "--cert", certificate[0].name, "--key", certificate[1].name, cwd=certificate[0].parent
        )
        after = web_pid(stack)
        again = stack.ok("up", "--cert", cert, "--key", key)

        assert "browsers     https://127.0.0.1:" in said
        assert "is up already" in again
        assert web_pid(stack) == after != before
        assert stack.ok("config", "web_key").strip() == key
    finally:
        for name in ("web_cert", "web_key"):
            stack.ok("config", name, "--unset")
        stack.ok("down")
        stack.ok("up")
