"""What the tests of landing in git share: work on branches, and a scratch worktree."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aios_app.domain.landing import Strategy
from aios_app.git.merging import merge
from aios_app.git.person import Person
from aios_app.git.pushing import push
from aios_app.git.scratch import Scratch, scratch
from aios_app.git.targets import Target
from tests.integration.git_fixtures import Cloned, git

PERSON = Person(environment={"PATH": os.environ["PATH"]})
MAIN = Target(branch="main")
MESSAGE = "fix the redirect\n\nIt lost its query.\n\nAios-Job: 7 codex\n"


@pytest.fixture
def held(cloned: Cloned, tmp_path: Path) -> Iterator[Scratch]:
    """The scratch worktree of ``cloned``, held."""
    with scratch(cloned.repo, tmp_path / "landing" / "shop", PERSON, wait_s=5) as one:
        yield one


def work(root: Path, files: dict[str, str], branch: str = "work", start: str = "origin/main") -> str:
    """A commit with these files on a branch of its own; the person's checkout is not touched."""
    place = root.parent / f"tree-{branch.replace('/', '-')}"
    if not place.exists():
        git(root, "worktree", "add", "-q", "--no-track", "-B", branch, str(place), start)
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", f"{branch} writes {', '.join(files)}")
    return git(place, "rev-parse", "HEAD")


def land(held: Scratch, source: str, strategy: Strategy = Strategy.MERGE, person: Person = PERSON) -> str:
    """Merged onto what origin's main is at as last fetched, and pushed."""
    base = git(held.repo.root, "rev-parse", "origin/main")
    sha = merge(held, base, source, strategy, MESSAGE, person)
    push(held, MAIN, sha, base, person, timeout_s=10)
    return sha


def hook(folder: Path, name: str, text: str) -> None:
    """A hook of a repository, given its hooks' folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def is_gone(pid: int) -> bool:
    """Whether a process that was killed ends, be it that no one takes note of it."""
    deadline = time.monotonic() + 5
    while _lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
