"""What others wrote is shown as text on every page, whatever it looks like."""

from __future__ import annotations

import pytest

from aios_app.domain.models import Job, JobState
from tests.acceptance.stack import Stack
from tests.browser.viewer import Viewer, open_shell, terminal_path

pytestmark = pytest.mark.timeout(60)

EVIL = "<img src=x onerror=window.hacked=1>"
EVIL_BRANCH = "<img/src=x/onerror=window.hacked=1>"
SCRIPT = "<script>window.hacked=1</script>"


@pytest.fixture(scope="module")
def job(stack: Stack) -> Job:
    """A job of a project, a prompt, a branch, a change and a last message that all attack the page."""
    path = stack.project(EVIL)
    stack.git(path, "checkout", "-q", "-b", EVIL_BRANCH)
    run = stack.start("all", "d:1", f"{EVIL}\ndemo: seconds 0.1", "--only", EVIL, "--base", EVIL_BRANCH)
    [done] = stack.until_all(run, JobState.REVIEW)
    tree = stack.root / done.worktree
    (tree / f"{EVIL}.html").write_text(f"{SCRIPT}\n{EVIL}\n")
    (tree / "README.md").write_text(f"# {SCRIPT}\n")
    return done


def test_names_prompts_and_messages_are_text_on_every_page(job: Job, viewer: Viewer) -> None:
    assert EVIL in job.project
    assert EVIL in job.message
    page = viewer.open("/jobs")
    of_job = [f"/jobs/{job.number}/{tab}" for tab in ("diff", "log", "events", "terminal")]

    for path in ("/jobs", *of_job, "/runs", f"/runs/{job.run}", "/projects", "/new", terminal_path(job)):
        viewer.go(path)
        page.wait_for_function("() => document.querySelector('#root')?.textContent.includes('onerror=')")
        assert page.locator("img, main script").count() == 0
        assert page.evaluate("window.hacked") is None


def test_names_of_files_and_branches_are_text(job: Job, viewer: Viewer) -> None:
    page = viewer.open(f"/jobs/{job.number}/diff")
    page.wait_for_selector(".code")
    diff = page.locator(".diff").inner_text()
    viewer.go("/projects").wait_for_selector(".card")

    assert EVIL in diff
    assert SCRIPT in diff
    assert EVIL_BRANCH in page.locator("main").inner_text()


def test_a_question_is_text(stack: Stack, job: Job, viewer: Viewer) -> None:
    prompt = f"ask\ndemo: seconds 0.1\ndemo: ask {EVIL} [y/N]"
    run = stack.start("all", "d:1", prompt, "--only", EVIL)
    stack.until_all(run, JobState.WAITING)

    page = viewer.open("/jobs")

    page.wait_for_selector(f"text={EVIL} [y/N]")
    assert page.evaluate("window.hacked") is None


def test_the_title_and_the_text_of_a_terminal_are_text(stack: Stack, viewer: Viewer) -> None:
    shell = open_shell(stack, "titles")
    page = viewer.terminal(shell)

    stack.type(shell, f"printf '\\033]2;{EVIL}\\007\\033]0;{SCRIPT}\\007'; echo '{EVIL}'")

    viewer.await_line(EVIL)
    assert page.evaluate("window.hacked") is None
    assert "hacked" not in page.title()


def test_the_policy_of_the_pages_stops_what_would_slip_through(job: Job, viewer: Viewer) -> None:
    page = viewer.open("/jobs")
    page.wait_for_selector(".job")

    refused = page.evaluate(
        """evil => { try { document.querySelector('main').innerHTML = evil; return '' }
           catch (error) { return error.name } }""",
        EVIL,
    )

    assert refused == "TypeError"
    assert "TrustedHTML" in viewer.problems.pop()
