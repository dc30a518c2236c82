"""The keyboard alone: shortcuts, and the links and buttons that have the focus."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import QUICK, Stack
from tests.browser.viewer import Viewer
from tests.conftest import new_project


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Path:
    """A project."""
    path = new_project(stack.root, stack.environment, "keyed")
    stack.ok("add", str(path))
    return path


@pytest.mark.timeout(60)
def test_enter_at_a_link_or_a_button_is_for_that(stack: Stack, keyed: Path, viewer: Viewer) -> None:
    stack.until_all(stack.start("multi", keyed.name, "d:1", QUICK), JobState.REVIEW)
    page = viewer.open("/jobs")
    page.wait_for_selector(".job.selected")

    page.get_by_role("button", name="Keyboard shortcuts").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.get_by_role("link", name="Runs").focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/runs")


@pytest.mark.timeout(60)
def test_each_key_is_said_once_and_w_leads_from_one_job_to_the_next(
    stack: Stack, keyed: Path, viewer: Viewer
) -> None:
    run = stack.start("multi", keyed.name, "d:2", QUICK)
    one, _ = stack.until_all(run, JobState.REVIEW)
    page = viewer.open(f"/jobs/{one.number}/log")
    page.wait_for_selector(".job-page")

    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    keys = page.locator("dialog table").first.locator("th").all_inner_texts()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("w")
    page.wait_for_url("**/terminal")

    assert len(keys) == len(set(keys)), keys
    assert f"/jobs/{one.number}/" not in page.url
