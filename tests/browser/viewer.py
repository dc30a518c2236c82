"""A person at a browser: pages of a running AIOS, what they show and what goes wrong in them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from aios_app.domain.models import Agent, Finishes, Job, JobState
from aios_app.services.context import open_catalog
from aios_app.stack.unix_http import UnixConnection
from tests.acceptance.stack import Stack
from tests.conftest import CHECKOUT

#: Milliseconds in which anything that a page is waited for must have come.
DEADLINE_MS = 15_000
#: Between two looks at a page: each costs the browser more than the pause.
_PAUSE_MS = 40
#: What Chromium says of answers that the tests ask for.
_EXPECTED = re.compile(r"status of (401|403|502)|WebSocket connection|ERR_CONNECTION|ERR_EMPTY_RESP")
_AXE = CHECKOUT / "web/frontend/node_modules/axe-core/axe.min.js"
SHELL = Agent(
    uuid="",
    key="s",
    name="plainshell",
    kind="generic",
    argv=("sh", "-i"),
    finishes=Finishes.NEVER,
    weight=0,
)


class Viewer:
    """One browser window with a login of its own."""

    def __init__(self, stack: Stack, context: BrowserContext) -> None:
        self.stack = stack
        self.context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(DEADLINE_MS)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        self.page.on("console", self._hear)

    def open(self, path: str) -> Page:
        """Logs in by a new ticket, which leads to ``path``."""
        self.page.goto(api(self.stack, "POST", "/web/ticket", {"path": path})["url"])
        self.page.wait_for_url(f"**{path}")
        return self.page

    def go(self, path: str) -> Page:
        """Another page, with the login that there is."""
        self.page.goto(re.match(r"https?://[^/]+", self.page.url)[0] + path)  # type: ignore[index]
        return self.page

    def terminal(self, job: Job) -> Page:
        """The job's terminal on a page of its own, once it is live."""
        path = terminal_path(job)
        page = self.open(path) if self.page.url == "about:blank" else self.go(path)
        self.await_live()
        return page

    def await_live(self) -> None:
        """Until the terminal is connected."""
        self.page.wait_for_selector(".connection.live")

    def type(self, text: str) -> None:
        """Keys into the terminal; the end of a line is Enter."""
        self.page.locator(".xterm-helper-textarea").first.focus()
        for at, line in enumerate(text.split("\n")):
            if at:
                self.page.keyboard.press("Enter")
            self.page.keyboard.type(line)

    def screen(self) -> list[str]:
        """The lines that the terminal shows, without blanks at their ends."""
        rows = self.page.locator(".xterm-rows > div").all_inner_texts()
        return [row.replace("\xa0", " ").rstrip() for row in rows]

    def await_screen(self, check: Callable[[list[str]], bool]) -> list[str]:
        """Until the terminal shows what is wanted."""
        lines: list[str] = []

        def is_so() -> bool:
            lines[:] = self.screen()
            return check(lines)

        self.wait(is_so, lambda: "\n".join(lines))
        return lines

    def await_line(self, line: str) -> None:
        """Until one line of the terminal is this."""
        self.await_screen(lambda lines: line in lines)

    def wait(self, check: Callable[[], bool], describe: Callable[[], str] = str) -> None:
        """Until ``check`` is true; the page goes on meanwhile."""
        deadline_s = time.monotonic() + DEADLINE_MS / 1000
        while time.monotonic() < deadline_s:
            if check():
                return
            self.page.wait_for_timeout(_PAUSE_MS)
        pytest.fail(f"not so after {DEADLINE_MS} ms: {describe()}")

    def _hear(self, message: Any) -> None:
        words = f"{message.location['url']}: {message.text}"
        if message.type == "error" and not _EXPECTED.search(words):
            self.problems.append(words)


def terminal_path(job: Job) -> str:
    """Where the job's terminal has a page of its own."""
    return f"/terminal.html?session={job.name}"


def api(stack: Stack, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the service answers on its own socket."""
    with closing(UnixConnection(stack.settings.api_socket, DEADLINE_MS / 1000)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body else None, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    assert "error" not in answer, answer
    return answer


def open_shell(stack: Stack, name: str) -> Job:
    """A shell in a directory of its own, as a job."""
    catalog = open_catalog(stack.settings)
    if all(agent.key != SHELL.key for agent in catalog.agents()):
        catalog.put_agent(SHELL)
    catalog.close()
    here = stack.root / name
    here.mkdir()
    opened = api(stack, "POST", "/jobs/open", {"agent": SHELL.key, "words": [], "cwd": str(here)})["job"]
    [job] = stack.until(opened["run"], lambda jobs: jobs[0].state is JobState.RUNNING)
    return job


def start(stack: Stack, *words: str) -> int:
    """The number of a new run of these words of ``aios multi``; quicker than by the command line."""
    answer = api(stack, "POST", "/runs", {"source": "multi", "words": words, "cwd": "/"})
    return int(answer["run"]["number"])


def requests_of(page: Page, path: str) -> list[str]:
    """The bodies of what the page asks for from now on, as they come."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.post_data or "") if one.url.endswith(path) else None)
    return asked


def tmux(stack: Stack, *words: str) -> str:
    """What tmux says, on the instance's own socket."""
    argv = ["tmux", "-S", str(stack.settings.tmux_socket), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def captured(stack: Stack, job: Job) -> list[str]:
    """The job's screen as tmux has it."""
    return [line.rstrip() for line in tmux(stack, "capture-pane", "-p", "-t", f"={job.name}:").splitlines()]


def hindrances(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page: contrast, labels, structure."""
    page.evaluate(_AXE.read_text())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def shot(page: Page, directory: Path, name: str) -> None:
    """A picture of the page; nothing on it may stick out to the side."""
    page.screenshot(path=directory / f"{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
