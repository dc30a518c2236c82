"""The end of a login, and what others are let see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.stack import Stack
from tests.browser.viewer import Viewer, open_shell, terminal_path

pytestmark = pytest.mark.timeout(60)


def test_who_logs_out_is_out_in_every_tab(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "left")
    page = viewer.terminal(job)
    other = viewer.context.new_page()
    other.goto(page.url.replace(terminal_path(job), "/jobs"))

    other.get_by_role("button", name="Log out").click()

    for tab in (other, page):
        tab.wait_for_selector("text=This browser is not logged in")
    viewer.go("/jobs").wait_for_selector("text=This browser is not logged in")


def test_a_link_is_shown_where_the_clipboard_is_refused(stack: Stack, look: Callable[..., Viewer]) -> None:
    job = open_shell(stack, "shown")
    viewer = look()
    viewer.context.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    page = viewer.open(f"/jobs/{job.number}/log")

    page.get_by_role("button", name="Share").click()

    page.wait_for_selector("dialog[open] li:has-text('/share.html#')")
