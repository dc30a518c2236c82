"""One stack for the tests of a file; each test has projects and runs of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A running stack, ended after the file's last test."""
    root = Path(tempfile.mkdtemp(prefix="aios-a-", dir="/tmp"))
    built = Stack(root)
    try:
        built.ok("up")
        yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)
