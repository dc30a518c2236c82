"""The stack in the foreground, as a container and a service manager run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aios_app.stack.states import living
from tests.acceptance.stack import Stack
from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.timeout(60)]


def test_it_shows_what_its_programs_log_and_ends_all_of_them_with_sigterm(short_path: Path) -> None:
    stack = Stack(short_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "aios_app.stack.foreground"],
        env=stack.environment | {"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        shown = next(line for line in process.stdout if "ready." in line)
        stack.ok("status")
        names = {record.name for record in living(stack.settings)}
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        status = process.wait(30)
    finally:
        process.kill()
        stack.close()
        process.stdout.close()

    assert "INFO worker" in shown
    assert {"redis", "worker", "web", "supervisor"} <= names
    assert (status, living(stack.settings)) == (0, []), rest


def test_where_it_cannot_start_it_says_why_and_ends(short_path: Path) -> None:
    stack = Stack(short_path)
    environment = stack.environment | {"AIOS_REDIS_URL": "redis://127.0.0.1:9/0", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-m", "aios_app.stack.foreground"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    stack.close()

    assert done.returncode == 4
    assert "Redis does not answer at redis://127.0.0.1:9/0" in done.stderr
