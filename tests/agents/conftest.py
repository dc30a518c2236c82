"""One stack with the real agents for all tests of a file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.fleet import AgentStack, programs


@pytest.fixture(scope="module")
def stack() -> Iterator[AgentStack]:
    """A running stack, beside the programs: Gemini reads no settings below a folder that all may write to."""
    root = Path(tempfile.mkdtemp(prefix="run-", dir=programs().parent))
    built = AgentStack(root, programs())
    try:
        built.ok("up")
        yield built
    finally:
        built.close()
        shutil.rmtree(root, ignore_errors=True)
