"""The demonstration: all of it in one folder, as often as one likes, and gone in the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
Demo = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def home(short_path: Path) -> Path:
    """Of a person whose git would sign, run a hook, and knows no name."""
    home = short_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    hook = hooks / "pre-commit"
    hook.write_text(f"#!/bin/sh\necho {home} >> {home}/hook-ran\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n")
    return home


@pytest.fixture
def demo(home: Path) -> Iterator[Demo]:
    """Runs it without a terminal, from another directory, by a person who has an AIOS of their own."""
    own = {"AIOS_DATA_DIR": str(home / "own"), "AIOS_REDIS_URL": "redis://127.0.0.1:1/0"}
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "SHELL": "/bin/sh", "LANG": "C.UTF-8"} | own

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", ROOT / "script" / "demo.py", *words],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield run
    run("--clean")


def _running_in(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.long
def test_twice_in_a_row_it_shows_six_jobs_in_review_and_then_removes_itself(demo: Demo, home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    first, second = demo(), demo()
    listed = demo("aios", "jobs")
    clean, again = demo("--clean"), demo("--clean")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "r1: 6 jobs in 3 projects" in first.stdout
    assert "6 of 6 in review" in first.stdout
    assert '#1 review     shop  demo  3s +1 -0 "add a greeting"' in first.stdout
    assert first.stdout.splitlines()[-1] == f"your own projects: {ROOT}/aios install"
    assert "r2: 6 jobs in 3 projects" in second.stdout
    assert listed.stdout.count("+1 -0") == 12
    assert (clean.returncode, again.returncode) == (0, 0), clean.stderr
    assert "nothing to remove" in again.stdout
    assert not (home / ".cache" / "aios-demo").exists()
    assert _running_in(home) == []
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


@pytest.mark.long
def test_what_an_agent_left_running_ends_with_the_demo(demo: Demo, home: Path) -> None:
    demo()
    leaves = "setsid sleep 1000 </dev/null >/dev/null 2>&1 &"
    added = demo("aios", "agents", "add", "z", "leaver", "--", "sh", "-c", leaves)
    ended = demo("aios", "multi", "shop", "z:1", "leave something", "--wait")
    left = [line for line in _running_in(home) if line == "sleep 1000"]

    clean = demo("--clean")

    assert (added.returncode, ended.returncode) == (0, 0), added.stderr + ended.stderr
    assert len(left) == 1
    assert clean.returncode == 0, clean.stderr
    assert _running_in(home) == []


def test_a_link_in_its_place_is_refused_and_left(demo: Demo, home: Path) -> None:
    (home / "precious").mkdir()
    (home / ".cache").mkdir()
    (home / ".cache" / "aios-demo").symlink_to(home / "precious")

    started, cleaned = demo(), demo("--clean")

    assert (started.returncode, cleaned.returncode) == (3, 3)
    assert "is a symbolic link" in started.stderr
    assert list((home / "precious").iterdir()) == []


def test_an_unknown_word_is_refused_with_the_usage() -> None:
    done = subprocess.run(
        [ROOT / "script" / "demo", "--cleanup"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: script/demo [--clean | aios COMMAND...]" in done.stderr
