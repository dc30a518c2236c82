"""What several tests need: an instance in its own folder, its Redis, sample projects, the command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from aios_app.settings import Settings, load
from tests.private_redis import RedisServer

if TYPE_CHECKING:
    from aios_app.services.context import Context

# A machine that is busy with the other tests is slow at making examples, which says nothing of them.
hypothesis_settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("busy")

CHECKOUT = Path(__file__).parent.parent
_GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def pytest_configure() -> None:
    """In the background of a script this process is deaf to Ctrl-C, and would make deaf what it tests."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests may take longest begin first: nobody waits for one of them at the end."""
    limits: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        limits[item.path] = max(limits.get(item.path, 0), marker.args[0] if marker else 0)
    items.sort(key=lambda item: -limits[item.path])


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty folder with a path so short that sockets fit in, however long the test's name is."""
    path = Path(tempfile.mkdtemp(prefix="aios-t-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def environment_in(directory: Path) -> dict[str, str]:
    """Of a person without any settings, in an instance of its own; nothing of the real person is in it."""
    home = directory / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return (
        kept
        | _GIT_ENVIRONMENT
        | {
            "HOME": str(home),
            "SHELL": "/bin/sh",
            "TERM": "xterm-256color",
            "TMUX_TMPDIR": str(home),
            "AIOS_DATA_DIR": str(directory / "data"),
            "AIOS_CONFIG_DIR": str(directory / "config"),
        }
    )


@pytest.fixture
def environment(short_path: Path) -> dict[str, str]:
    """As ``environment_in`` says, for one test."""
    return environment_in(short_path)


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """The settings that ``environment`` asks for; the data directory exists."""
    loaded = load(environment)
    for directory in (loaded.data_dir, loaded.run_dir, loaded.spool_dir, loaded.logs_dir):
        directory.mkdir(mode=0o700, exist_ok=True)
    return loaded


@pytest.fixture
def redis_server(settings: Settings) -> Iterator[RedisServer]:
    """The instance's Redis, running."""
    server = RedisServer(settings)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def context(settings: Settings, redis_server: RedisServer) -> Iterator[Context]:
    """The instance with its ledger made, and neither worker nor service."""
    from aios_app.services.context import build_context
    from aios_app.services.reconcile import ensure_ledger

    built = build_context(settings)
    ensure_ledger(built)
    yield built
    built.close()


def new_project(directory: Path, environment: dict[str, str], name: str) -> Path:
    """A repository of that name with a commit on ``main``, pushed to a bare remote."""
    path, remote = directory / "code" / name, directory / "remotes" / f"{name}.git"
    path.mkdir(parents=True)
    (path / "README.md").write_text(f"{name}\n")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "README.md"],
        ["commit", "-q", "-m", "first"],
        ["init", "-q", "--bare", "-b", "main", str(remote)],
        ["remote", "add", "origin", str(remote)],
        ["push", "-q", "-u", "origin", "main"],
    ):
        subprocess.run(["git", *command], cwd=path, env=environment, check=True)
    return path


@pytest.fixture
def make_project(short_path: Path, environment: dict[str, str]) -> Callable[[str], Path]:
    """Makes a repository as ``new_project`` does."""
    return lambda name: new_project(short_path, environment, name)


@pytest.fixture
def run_aios(
    environment: dict[str, str], short_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line as a person would, without a terminal; ``cwd`` is the home by default."""

    def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "aios_app.cli", *words],
            cwd=cwd or short_path / "home",
            env=environment | {"PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    return run
