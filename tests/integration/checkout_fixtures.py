"""A person's own repository for the tests of push, pull, revert, setup and pr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aios_app.services.context import Context
from aios_app.services.pull_checkout import pull_checkout
from aios_app.services.push_checkout import push_checkout
from aios_app.services.revert_checkout import revert_checkout
from aios_app.services.setup_checkout import setup_checkout
from tests.integration.git_fixtures import Cloned, git

Answer = dict[str, Any]


class Checkouts:
    """The requests of one person, who has no variables that git needs."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def push(self, cwd: Path, message: str = "", *, sure: bool = True, **environment: str) -> Answer:
        return push_checkout(
            self._ctx, cwd=str(cwd), message=message, is_confirmed=sure, environment=environment
        )

    def pull(self, cwd: Path, *, sure: bool = True) -> Answer:
        return pull_checkout(self._ctx, cwd=str(cwd), is_confirmed=sure, environment={})

    def revert(self, cwd: Path, count: int = 1, *, sure: bool = True) -> Answer:
        return revert_checkout(self._ctx, cwd=str(cwd), count=count, is_confirmed=sure, environment={})

    def setup(self, cwd: Path, url: str = "", *, sure: bool = True) -> Answer:
        return setup_checkout(self._ctx, cwd=str(cwd), url=url, is_confirmed=sure, environment={})


def hook(repository: Path, name: str, script: str) -> None:
    """A hook of the repository, or of a bare one."""
    folder = repository / "hooks" if (repository / "hooks").is_dir() else repository / ".git/hooks"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def tip(cloned: Cloned, branch: str = "main") -> str:
    """The commit that the remote's branch is at; empty where it has none."""
    return git(cloned.origin, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
