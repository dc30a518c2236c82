"""The wheel that images are made of: built of what their build gets, put into a fresh environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of the files that .dockerignore lets through, and of the pages that are there."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    rubbish = shutil.ignore_patterns("__pycache__", "node_modules")
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        path = CHECKOUT / line[1:]
        if line.startswith("!") and path.is_dir():
            shutil.copytree(path, source / path.name, ignore=rubbish)
        elif line.startswith("!"):
            shutil.copy(path, source)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source))
    [built] = folder.glob("aios-*.whl")
    return built


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_all_that_belongs_to_the_program(wheel: Path) -> None:
    tracked = run("git", "-C", str(CHECKOUT), "ls-files", "aios_app", "workers", "web").split()
    wanted = {path for path in tracked if not path.startswith("web/frontend/")}
    held = set(zipfile.ZipFile(wheel).namelist())

    assert {path for path in wanted if (CHECKOUT / path).exists()} - held == set()
    assert "web/static/manifest.json" in held
    assert not any(name.startswith(("web/frontend", "tests", "docker")) for name in held)


def test_its_command_runs_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    run(str(tmp_path / "venv/bin/python"), "-m", "pip", "install", "-q", "--no-deps", str(wheel))

    assert run(str(tmp_path / "venv/bin/aios"), "--version").startswith("aios 0.")
    assert "all" in run(str(tmp_path / "venv/bin/aio"), "help")
