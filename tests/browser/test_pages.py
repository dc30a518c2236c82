"""The pages in a real browser: they change by themselves, and do what a person clicks."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import QUICK, Stack
from tests.browser.viewer import Viewer, api, captured, hindrances, open_shell, requests_of, shot, start

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


def test_the_icon_that_browsers_ask_for_by_themselves_needs_no_login(stack: Stack, viewer: Viewer) -> None:
    icon = viewer.page.request.get(api(stack, "GET", "/status")["web"]["url"] + "/favicon.ico")

    assert (icon.status, icon.headers["content-type"]) == (200, "image/svg+xml")
    assert "<svg" in icon.text()


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
    run = start(stack, "shop", "d:3", QUICK)
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
    run = start(stack, "shop", "d:1", QUICK)
    [job] = stack.until_all(run, JobState.REVIEW)
    page = viewer.open(f"/jobs/{job.number}/log")

    page.click("button:text-is('Send')")
    page.fill("dialog textarea", "and now goodbye\ndemo: seconds 0.1")
    page.keyboard.press("Control+Enter")

    stack.until(run, lambda jobs: jobs[0].turns == 2)
    page.wait_for_selector("dialog", state="detached")


def test_everything_can_be_reached_by_the_keyboard(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = start(stack, "shop", "d:1", "find me by keys\ndemo: seconds 0.1")
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
    run = start(stack, "shop", "d:1", "after the storm\ndemo: seconds 0.1")
    page.wait_for_selector("text=after the storm")
    stack.until_over(run)


def test_the_last_line_of_a_screen_is_shown_and_follows_events_and_looks(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    job = open_shell(stack, "lines")
    page, line = viewer.page, viewer.page.locator(f"[href='/jobs/{job.number}'] .last-line")
    show_in(stack, viewer, job, "clear; echo first-$((6 * 7))", "first-42")
    page.clock.install()
    viewer.open("/jobs")
    viewer.wait(lambda: line.all_inner_texts() == ["first-42"])
    with page.expect_response("**/jobs/screens"):
        page.clock.fast_forward(3000)  # nothing more is asked for by itself
    asked = requests_of(page, "/jobs/screens")

    show_in(stack, viewer, job, "clear; echo second-$((6 * 7))", "second-42")
    page.evaluate("dispatchEvent(new Event('focus'))")  # the person looks
    viewer.wait(lambda: line.inner_text() == "second-42", line.inner_text)
    evil = "<img src=x onerror=window.hacked=1>"
    show_in(stack, viewer, job, f"clear; echo '{evil}'", evil)
    assert len(asked) == 1
    api(stack, "POST", "/jobs/seen", {"refs": [str(job.number)], "cwd": "/"})  # an event

    viewer.wait(lambda: line.inner_text() == evil, line.inner_text)
    assert page.evaluate("window.hacked") is None


def show_in(stack: Stack, viewer: Viewer, job: Job, command: str, line: str) -> None:
    """Types a command into the job's shell; returns when its screen has this line."""
    stack.type(job, command)
    viewer.wait(lambda: line in captured(stack, job), lambda: "\n".join(captured(stack, job)))


def test_the_page_of_machines_shows_load_memory_and_what_is_waited_for(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    stack.ok("config", "max_agents", "1")
    run = start(stack, "shop", "d:2", SLOW)
    try:
        page = viewer.open("/machines")
        page.wait_for_selector("meter[aria-label=Load]")
        page.wait_for_selector(".queue li")
        shown = " ".join(page.locator("main").inner_text().split())
    finally:
        stack.ok("config", "max_agents", "60")
        stack.ok("stop", f"r{run}")

    assert re.search(r"\d jobs? waits? for a free slot", shown)
    assert re.search(r"Load [\d.]+ on \d+ core", shown)
    assert re.search(r"Memory [\d.]+ GB of [\d.]+ GB free", shown)
    assert re.search(r"Can start (\w+, )*d", shown)
    assert re.search(r"python 3[\d.]+, git [\d.]+, tmux [\d.a-z]+", shown)


def test_the_events_of_before_are_shown_and_go_on(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = start(stack, "shop", "d:1", QUICK)
    [job] = stack.until_all(run, JobState.REVIEW)
    page = viewer.open(f"/jobs/{job.number}/events")
    page.wait_for_selector(".events li >> text=review")
    before = [row.split(maxsplit=1)[1] for row in page.locator(".events li").all_inner_texts()]

    api(stack, "POST", "/jobs/drop", {"refs": [str(job.number)], "cwd": "/", "is_confirmed": True})

    page.wait_for_selector(".events li >> text=dropped")
    assert [row.removeprefix("AM ").removeprefix("PM ") for row in before] == [
        "created",
        "preparing",
        "running",
        "review",
    ]


def test_what_was_dropped_is_restored_from_the_trash(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = start(stack, "shop", "d:1", "bring me back\ndemo: seconds 0.1")
    [job] = stack.until_all(run, JobState.REVIEW)
    page = viewer.open("/trash")
    api(stack, "POST", "/jobs/drop", {"refs": [str(job.number)], "cwd": "/", "is_confirmed": True})

    page.click(f".entry:has-text('#{job.number} bring me back') button")

    page.wait_for_url(f"**/jobs/{job.number}")
    page.wait_for_selector(".job-head .state.review")
    assert Path(stack.job(job.number).worktree).is_dir()


def test_two_jobs_are_compared(stack: Stack, shop: Path, viewer: Viewer) -> None:
    run = start(stack, "shop", "d:2", QUICK)
    one, other = stack.until_all(run, JobState.REVIEW)
    for job, text in ((one, "mine\n"), (other, "theirs\n")):
        (Path(job.worktree) / "same.txt").write_text(text)
    page = viewer.open(f"/jobs/{one.number}/diff")

    page.select_option(".other-job select", str(other.number))

    page.wait_for_selector(f"text=from #{one.number} demo to #{other.number} demo")
    page.wait_for_url(f"**/jobs/{one.number}/diff/{other.number}")
    assert page.locator(".code .delete.text:has-text('mine')").count() == 1
    assert page.locator(".code .insert.text:has-text('theirs')").count() == 1
    viewer.go(f"/runs/{run}")
    page.wait_for_selector(f".candidates a:text-matches('from #({one.number}|{other.number})')")


LARGE = {"width": 1280, "height": 800}
PHONE: dict[str, Any] = {"viewport": {"width": 412, "height": 840}, "is_mobile": True, "has_touch": True}
MAIN_PAGES = {
    "/jobs",
    "/trash",
    "/machines",
    "/jobs/{0.number}/diff",
    "/runs/{0.run}",
    "/terminal.html?session={0.name}",
}
PAGES = {
    "/jobs": ".job",
    "/jobs/{0.number}/terminal": ".connection.live",
    "/jobs/{0.number}/diff": ".code",
    "/jobs/{0.number}/log": ".log",
    "/jobs/{0.number}/events": ".events li",
    "/runs/{0.run}": ".candidates",
    "/runs": ".run",
    "/machines": "meter",
    "/trash": "h1",
    "/projects": ".card",
    "/new": "form",
    "/terminal.html?session={0.name}": ".connection.live",
}


@pytest.fixture(scope="module")
def finished(stack: Stack, shop: Path) -> Job:
    """One of two candidates that are done."""
    return stack.until_all(start(stack, "shop", "d:2", QUICK), JobState.REVIEW)[0]


@pytest.mark.long
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


@pytest.mark.long
def test_a_thousand_jobs_are_scrolled_without_all_of_them_in_the_page(
    stack: Stack, shop: Path, viewer: Viewer
) -> None:
    stack.ok("config", "max_agents", "1")
    stack.projects("many", 11)
    page = viewer.open("/jobs")
    page.wait_for_selector(".job, .empty")

    run = stack.start("all", "d:99", f"one of many\n{SLOW}", "--only", "many-*", "--yes")
    page.wait_for_selector(".chips >> text=queued")

    page.locator(".filters input").fill("one of many")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('.list').offsetHeight > 60000")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")

    last = max(stack.jobs(run), key=lambda job: (job.project, job.number))
    page.wait_for_selector(f"text=#{last.number}")
    assert page.locator(".job").count() < 80
    page.evaluate("scrollTo(0, 0)")
    for _ in range(20):
        page.keyboard.press("j")
    page.wait_for_function("() => document.querySelector('.job.selected')?.getBoundingClientRect().top > 60")
    assert page.evaluate("scrollY") > 300
