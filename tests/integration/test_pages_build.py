"""The build of the pages: when it is due, and what it makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

FRONTEND = CHECKOUT / "web/frontend"
STATIC = CHECKOUT / "web/static"


def is_current(frontend: Path) -> bool:
    """Whether the build says that nothing is to be done."""
    argv = [sys.executable, str(frontend / "build.py"), "is-current"]
    return subprocess.run(argv, check=False, env={}).returncode == 0


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The front end and what was made of it, to be changed."""
    shutil.copytree(FRONTEND, tmp_path / "frontend", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(STATIC, tmp_path / "static")
    return tmp_path / "frontend"


def test_the_pages_of_this_checkout_are_those_of_its_sources() -> None:
    assert is_current(FRONTEND), "web/static is older than web/frontend: script/setup builds it"


@pytest.mark.parametrize("name", ["src/store.ts", "pages/index.html", "package-lock.json", "build.mjs"])
def test_a_changed_source_makes_a_build_due(copy: Path, name: str) -> None:
    assert is_current(copy)

    (copy / name).write_text((copy / name).read_text() + " ")

    assert not is_current(copy)


def test_without_node_the_build_says_what_it_needs(copy: Path) -> None:
    (copy / "src/store.ts").write_text("")

    done = subprocess.run(
        [sys.executable, copy / "build.py"], check=False, env={"PATH": ""}, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "Node.js 20" in done.stderr


def test_pages_refer_to_nothing_but_their_own_files() -> None:
    entries = json.loads((STATIC / "manifest.json").read_text())["entries"]

    assert sorted(entries) == ["app", "login", "share", "style", "terminal"]
    for page in STATIC.glob("*.html"):
        text = page.read_text()
        assert "//" not in text.replace("<!doctype html>", "")
        assert any(f"/static/{file}" in text for file in entries.values())


def test_the_locked_packages_have_hashes_and_name_no_host() -> None:
    packages = json.loads((FRONTEND / "package-lock.json").read_text())["packages"]
    fetched = {name: one for name, one in packages.items() if name}

    assert all(one["integrity"].startswith("sha512-") for one in fetched.values())
    assert not any("resolved" in one for one in fetched.values())
