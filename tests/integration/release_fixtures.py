"""A small AIOS to update: a bare remote, a clone that is installed, and newer versions of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aios_app.services.update_aios import Installation, look_for_update, make_release, take_release
from aios_app.settings import load
from aios_app.stack.install import install
from aios_app.stack.releases import Releases
from tests.integration.git_fixtures import git

#: Says its version; ``doctor`` finds what the environment was made to find.
_PROGRAM = """\
#!/bin/sh
here=$(dirname "$(readlink -f -- "$0")")
case $1 in
--version) cat "$here/.venv/made" ;;
doctor) ! cat "$here/bad" 2>/dev/null ;;
esac
"""
#: Makes the "environment" of what the version asks for.
SETUP = """\
#!/bin/sh
set -e
cd "$(dirname "$0")/.."
mkdir -p .venv
cp wants .venv/made
"""


def silent(line: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Upstream:
    """The remote of a small AIOS, a developer's clone of it, and a person's home."""

    folder: Path

    @property
    def remote(self) -> Path:
        return self.folder / "aios.git"

    @property
    def checkout(self) -> Path:
        """The person's own."""
        return self.folder / "checkout"

    @property
    def place(self) -> Installation:
        """As the code of whatever is installed sees it."""
        settings = load({"HOME": str(self.folder / "home"), "AIOS_DATA_DIR": str(self.folder / "data")})
        running = Releases(settings).current or self.checkout
        return Installation(settings=settings, running=running, fetch_s=10)

    @property
    def releases(self) -> Releases:
        return self.place.releases

    def push(self, message: str, **files: str) -> str:
        """A newer version on the remote; its commit. ``setup`` is script/setup, others by their names."""
        work = self.folder / "developer"
        names = {"setup": "script/setup"}
        for name, text in {"wants": message, **files}.items():
            path = work / names.get(name, name)
            path.write_text(text)
            path.chmod(0o755)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", message)
        git(work, "push", "-q", "origin", "main")
        return git(work, "rev-parse", "HEAD")

    def update(self, said: list[str] | None = None) -> str:
        """What ``aios update -y`` does; the commit that is taken, or empty."""
        news = look_for_update(self.place)
        if not news.behind:
            return ""
        lines: list[str] = [] if said is None else said
        make_release(self.place, news.commit, lines.append)
        take_release(self.place, news.commit, lines.append)
        return news.commit

    def version(self) -> str:
        """What the person's command says: whatever happened, it must say something."""
        program = self.folder / "home/.local/bin/aios"
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def without_pause(self) -> Installation:
        return replace(self.place, fetch_s=1)


@pytest.fixture
def upstream(tmp_path: Path, quiet_git: None) -> Upstream:
    made = Upstream(tmp_path)
    work = tmp_path / "developer"
    (work / "script").mkdir(parents=True)
    (work / "aios").write_text(_PROGRAM)
    (work / "aios").chmod(0o755)
    (work / ".gitignore").write_text(".venv/\nweb/static/\n")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(made.remote))
    git(work, "init", "-q", "-b", "main")
    git(work, "remote", "add", "origin", str(made.remote))
    made.push("one", setup=SETUP)
    git(tmp_path, "clone", "-q", str(made.remote), str(made.checkout))
    subprocess.run([made.checkout / "script/setup"], check=True)
    made.place.settings.data_dir.mkdir(mode=0o700)
    install(made.place.settings, made.checkout)
    return made
