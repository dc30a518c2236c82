"""One stack for the tests of a file, and the table of what was done to it."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.fleet import FAULTS, Fleet
from tests.chaos.sites import Site, cluster


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """A running stack, ended after the file's last test."""
    root = Path(tempfile.mkdtemp(prefix="aios-c-", dir="/tmp"))
    built = Fleet(root)
    try:
        built.ok("up")
        yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def sites() -> Iterator[list[Site]]:
    """A founder and two members, for the tests of one file, in their order."""
    folder = Path(tempfile.mkdtemp(prefix="aios-h-", dir="/tmp"))
    try:
        with cluster(folder) as joined:
            yield joined
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each fault was survived, and the seconds until all was true again."""
    if FAULTS:
        terminalreporter.section("faults survived: runs, seconds until true again (median, most)")
    for fault, seconds in sorted(FAULTS.items()):
        line = f"{fault:60} {len(seconds):4} {statistics.median(seconds):6.1f} {max(seconds):6.1f}"
        terminalreporter.write_line(line)
