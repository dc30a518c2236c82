"""Debian's Chromium, driven by Playwright, at the pages of a real AIOS."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.acceptance.stack import Stack
from tests.browser.viewer import Viewer

_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A running stack for the tests of one file."""
    root = Path(tempfile.mkdtemp(prefix="aios-b-", dir="/tmp"))
    built = Stack(root)
    try:
        built.ok("up")
        yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives browsers. While it is there no test of its process can run an event loop of its own."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium; each viewer is a profile of its own in it.

    Without WebGL the terminal's letters are text of the page, which a test can read.
    """
    with closing(_launch(playwright, "--disable-3d-apis")) as opened:
        yield opened


def _launch(playwright: Playwright, *flags: str) -> Browser:
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: script/setup dev installs it"
    return playwright.chromium.launch(executable_path=program, args=[*_FLAGS, *flags])


@pytest.fixture
def look(stack: Stack, browser: Browser) -> Iterator[Callable[..., Viewer]]:
    """Opens a viewer, with Playwright's options of a context; what went wrong on its pages fails the test."""
    viewers: list[Viewer] = []
    with ExitStack() as contexts:

        def open_viewer(**options: Any) -> Viewer:
            context = contexts.enter_context(closing(browser.new_context(**options)))
            viewers.append(Viewer(stack, context))
            return viewers[-1]

        yield open_viewer
        assert [problem for viewer in viewers for problem in viewer.problems] == []


@pytest.fixture
def viewer(look: Callable[..., Viewer]) -> Viewer:
    """One viewer of a usual size."""
    return look(viewport={"width": 1200, "height": 760})


@pytest.fixture
def viewer_with_webgl(stack: Stack, playwright: Playwright) -> Iterator[Viewer]:
    """A viewer whose terminal is drawn by WebGL, on software where there is no such hardware."""
    with (
        closing(_launch(playwright, "--enable-unsafe-swiftshader")) as opened,
        closing(opened.new_context()) as context,
    ):
        yield Viewer(stack, context)
