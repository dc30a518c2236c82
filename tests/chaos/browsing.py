"""A person's browser on one of several hosts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import sync_playwright

from tests.browser.viewer import Viewer
from tests.chaos.sites import Site


@contextmanager
def browser_on(site: Site) -> Iterator[Viewer]:
    """A browser on the host of this machine; without WebGL its terminals are text of the page."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing: script/setup dev installs it"
    there = f'exec ip netns exec {site.host.namespace} {chromium} "$@"'
    program = site.script("chromium", f"#!/bin/sh\n{there}\n")
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-3d-apis"]
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=program, args=flags)) as browser,
        closing(browser.new_context(viewport={"width": 1200, "height": 1600})) as context,
    ):
        viewer = Viewer(site, context)
        yield viewer
        assert viewer.problems == []
