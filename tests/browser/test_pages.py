"""The pages in a real browser: they change by themselves, and do what a person clicks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack
from tests.browser.viewer import Viewer, api, hindrances, shot

pytestmark = pytest.mark.timeout(60)

SLOW = "work for long\ndemo: seconds 300"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project."""
    return stack.project("shop")


def test_a_ticket_is_good_once(stack: Stack, look: Callable[..., Viewer]) -> None:
    url = api(stack, "POST", "/web/ticket", {"path": "/jobs"})["url"]
    first, second = look(), look()

    first.page.goto(url)
    first.page.wait_for_url("**/jobs")
    second.page.goto(url)

    second.page.wait_for_selector("text=This browser is not logged in")
    assert "ticket" not in first.page.url


def test_a_run_appears_and_changes_its_state_without_a_reload(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    page = viewer.open("/jobs")
    page.evaluate("window.isTheSamePage = true")
    seen: list[str] = []
    page.expose_function("seen", lambda state: seen.append(state))
    page.evaluate(
        """() => new MutationObserver(() => { for (const row of document.querySelectorAll('.job'))
           if (row.textContent.includes('say hello')) window.seen(row.querySelector('.state').textContent) })
           .observe(document.body, {childList: true, characterData: true, subtree: true})"""
    )

    run = stack.start("multi", "shop", "d:1", QUICK)
    stack.until_all(run, JobState.REVIEW)

    viewer.wait(lambda: seen[-1:] == ["review"], lambda: str(seen))
    assert "running" in seen
    assert page.evaluate("window.isTheSamePage")


def test_a_run_is_started_by_the_form_stopped_and_dropped(stack: Stack, shop: Path, viewer: Viewer) -> None:
    page = viewer.open("/new?project=shop")
    page.select_option("[aria-label=Agent]", "d")
    page.fill("textarea[name=prompt]", SLOW)

    page.click("text=Start")
    page.wait_for_url("**/runs/*")
    page.click(".timeline a")
    page.wait_for_selector(".job-head .state.running")
    page.click("button:text-is('Stop')")
    page.click("dialog button.primary")

    page.wait_for_selector(".job-head .state.stopped")
    [job] = stack.jobs(stack.ledger.run_numbers()[0])
    assert (job.title, job.state) == ("work for long", JobState.STOPPED)


def test_work_is_landed_picked_and_dropped_after_a_question(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = stack.start("multi", "shop", "d:3", QUICK)
    one, other, last = stack.until_all(run, JobState.REVIEW)
    page = viewer.open(f"/jobs/{one.number}/events")

    page.click("button:text-is('Drop')")
    page.wait_for_selector("dialog")
    page.click("dialog button:text-is('Cancel')")
    assert stack.job(one.number).state is JobState.REVIEW
    page.click("button:text-is('Drop')")
    page.click("dialog button.primary")
    page.wait_for_selector(".job-head .state.dropped")
    viewer.go(f"/jobs/{other.number}/diff")
    page.click("button:text-is('Pick')")
    page.click("dialog button.primary")

    page.wait_for_selector(".job-head .state.landed")
    stack.until(run, lambda jobs: jobs[-1].state is JobState.DROPPED)
    assert f"greeting-{other.number}.md" in stack.git(shop, "ls-tree", "--name-only", "origin/main")
    assert last.number == stack.jobs(run)[-1].number


def test_a_prompt_is_sent_to_a_job(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = stack.start("multi", "shop", "d:1", QUICK)
    [job] = stack.until_all(run, JobState.REVIEW)
    page = viewer.open(f"/jobs/{job.number}/log")

    page.click("button:text-is('Send')")
    page.fill("dialog textarea", "and now goodbye\ndemo: seconds 0.1")
    page.keyboard.press("Control+Enter")

    stack.until(run, lambda jobs: jobs[0].turns == 2)
    page.wait_for_selector("dialog", state="detached")


def test_everything_can_be_reached_by_the_keyboard(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = stack.start("multi", "shop", "d:1", "find me by keys\ndemo: seconds 0.1")
    [job] = stack.until_all(run, JobState.REVIEW)
    page = viewer.open("/jobs")
    page.wait_for_selector(".job")

    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    keys = page.locator("dialog kbd").all_inner_texts()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("/")
    page.keyboard.type("find me by")
    page.keyboard.press("Escape")
    assert page.input_value(".filters input") == "find me by"
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/jobs/{job.number}")
    assert {"?", "/", "j", "k", "n", "w", "r"} <= set(keys)
    viewer.await_live()
    page.keyboard.press("i")
    page.keyboard.type("typed ")
    viewer.await_screen(lambda lines: any("typed" in line for line in lines))
    page.keyboard.press("Control+Shift+L")
    page.keyboard.type("gm")
    page.wait_for_url("**/machines")
    page.go_back()
    page.wait_for_url(f"**/jobs/{job.number}")


def test_while_redis_is_away_the_page_says_so_and_then_goes_on(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    page = viewer.open("/jobs")
    page.wait_for_selector(".job, .empty")
    processes = {
        name: json.loads((stack.settings.run_dir / f"{name}.json").read_text())["process"]["pid"]
        for name in ("redis", "supervisor")
    }

    os.kill(processes["supervisor"], signal.SIGSTOP)  # else Redis is back before anybody has seen it
    try:
        os.kill(processes["redis"], signal.SIGKILL)
        page.wait_for_selector(".away >> text=Redis")
    finally:
        os.kill(processes["supervisor"], signal.SIGCONT)

    page.wait_for_selector(".away", state="detached")
    run = stack.start("multi", "shop", "d:1", "after the storm\ndemo: seconds 0.1")
    page.wait_for_selector("text=after the storm")
    stack.until_over(run)


LARGE = {"width": 1280, "height": 800}
PHONE: dict[str, Any] = {"viewport": {"width": 412, "height": 840}, "is_mobile": True, "has_touch": True}
MAIN_PAGES = {"/jobs", "/jobs/{0.number}/diff", "/runs/{0.run}", "/terminal.html?session={0.name}"}
PAGES = {
    "/jobs": ".job",
    "/jobs/{0.number}/terminal": ".connection.live",
    "/jobs/{0.number}/diff": ".code",
    "/jobs/{0.number}/log": ".log",
    "/jobs/{0.number}/events": ".events li",
    "/runs/{0.run}": ".candidates",
    "/runs": ".run",
    "/machines": "meter",
    "/projects": ".card",
    "/new": "form",
    "/terminal.html?session={0.name}": ".connection.live",
}


@pytest.fixture(scope="module")
def finished(stack: Stack, shop: Path) -> Job:
    """One of two candidates that are done."""
    return stack.until_all(stack.start("multi", "shop", "d:2", QUICK), JobState.REVIEW)[0]


@pytest.mark.parametrize(
    ("name", "options", "paths"),
    [
        ("light", {"color_scheme": "light", "viewport": LARGE}, set(PAGES)),
        ("dark", {"color_scheme": "dark", "viewport": LARGE}, MAIN_PAGES),
        ("phone", PHONE, MAIN_PAGES),
    ],
)
def test_pages_are_within_the_window_and_can_be_used_by_all(
    finished: Job, look: Callable[..., Viewer], tmp_path: Path, name: str, options: Any, paths: set[str]
) -> None:
    viewer = look(**options)
    page = viewer.open("/jobs")
    found: list[str] = []

    for path in paths:
        viewer.go(path.format(finished))
        page.wait_for_selector(PAGES[path])
        shot(page, tmp_path, path.partition("?")[0].strip("/").replace("/", "-"))
        found += [f"{path}: {words}" for words in hindrances(page)]

    assert not found, "\n".join(found)
    assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if name == "dark" else "light")


def test_a_thousand_jobs_are_scrolled_without_all_of_them_in_the_page(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    stack.ok("config", "max_agents", "1")
    stack.projects("many", 11)
    page = viewer.open("/jobs")
    page.wait_for_selector(".job, .empty")

    stack.start("all", "d:99", f"one of many\n{SLOW}", "--only", "many-*", "--yes")
    page.wait_for_selector(".chips >> text=queued")

    page.locator(".filters input").fill("one of many")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('.list').offsetHeight > 60000")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")

    page.wait_for_selector("text=#10")
    assert page.locator(".job").count() < 80
    page.evaluate("scrollTo(0, 0)")
    for _ in range(20):
        page.keyboard.press("j")
    page.wait_for_function("() => document.querySelector('.job.selected')?.getBoundingClientRect().top > 60")
    assert page.evaluate("scrollY") > 300
