"""One update with nothing in the place of anything: the real setup makes the real environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


def test_a_release_is_built_by_its_own_setup_and_runs_from_its_own_environment(
    short_path: Path, environment: dict[str, str]
) -> None:
    remote, clone = short_path / "aios.git", short_path / "checkout"
    _run(environment, short_path, "git", "clone", "-q", "--bare", str(CHECKOUT), str(remote))
    _run(environment, remote, "git", "update-ref", "refs/heads/main", "HEAD")
    _run(environment, remote, "git", "symbolic-ref", "HEAD", "refs/heads/main")
    _run(environment, short_path, "git", "clone", "-q", str(remote), str(clone))
    # The version that updates borrows its libraries, and has its pages already.
    _run(environment, clone, sys.executable, "-m", "venv", "--without-pip", ".venv")
    [packages] = (clone / ".venv/lib").glob("python3*/site-packages")
    (packages / "aios.pth").write_text(f"{clone}\n{sysconfig.get_paths()['purelib']}\n")
    shutil.copytree(CHECKOUT / "web/static", clone / "web/static")
    _run(environment, clone, "./aios", "install")
    newer = short_path / "newer"
    _run(environment, short_path, "git", "clone", "-q", str(remote), str(newer))
    (newer / "aios_app/__init__.py").write_text('"""Newer."""\n\n__version__ = "9.9"\n')
    _run(environment, newer, "git", "commit", "-q", "-a", "-m", "newer")
    _run(environment, newer, "git", "push", "-q")
    aios = str(short_path / "home/.local/bin/aios")

    said = _run(environment, short_path, aios, "update", "-y")

    assert "ok  built" in said
    assert _run(environment, short_path, aios, "--version") == "aios 9.9\n"
    release = Path(aios).resolve().parent
    assert (release.parent.name, (release / ".venv/.installed").exists()) == ("releases", True)
    where = [
        str(release / ".venv/bin/python"),
        "-P",
        "-c",
        "import celery, aios_app; print(celery, aios_app)",
    ]
    assert _run(environment, short_path, *where).count(str(release)) == 2


def _run(environment: dict[str, str], cwd: Path, *argv: str) -> str:
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
