"""Real repositories for the tests of aios_app.git, away from the person's own configuration."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aios_app.git.repository import Repository, find_repository


@pytest.fixture
def quiet_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity, and no configuration of the person or the machine."""
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\nname = T\nemail = t@example.org\n[init]\ndefaultBranch = main\n"
        '[protocol "file"]\nallow = always\n'
    )
    for name, value in {
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port of this machine that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


@dataclass(frozen=True)
class Cloned:
    """A clone and the bare repository that it came from."""

    repo: Repository
    origin: Path

    @property
    def root(self) -> Path:
        return self.repo.root


@pytest.fixture
def cloned(tmp_path: Path, quiet_git: None) -> Cloned:
    return make_clone(tmp_path, "shop")


def make_clone(folder: Path, name: str) -> Cloned:
    """A bare origin with one commit on main, and a clone of it."""
    origin = folder / f"{name}-origin.git"
    git(folder, "init", "-q", "--bare", str(origin))
    git(folder, "clone", "-q", str(origin), str(folder / name))
    commit(folder / name, "README.md", "one\n")
    git(folder / name, "push", "-q", "-u", "origin", "main")
    git(folder / name, "remote", "set-head", "origin", "main")
    return Cloned(find_repository(folder / name), origin)


def make_repository(path: Path) -> Repository:
    """A repository with one commit and no remote."""
    path.mkdir(parents=True)
    git(path, "init", "-q")
    commit(path, "README.md", "one\n")
    return find_repository(path)


def git(cwd: Path, *args: str) -> str:
    """Plain git, as a person would type it."""
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, name: str, text: str) -> str:
    """One file written and committed; gives the commit."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    git(root, "add", "--", name)
    git(root, "commit", "-q", "-m", f"write {name}")
    return git(root, "rev-parse", "HEAD")


def push_from_elsewhere(cloned: Cloned, folder: Path, branch: str = "main") -> str:
    """Someone else's commit on the remote, which the clone has not seen yet."""
    git(folder, "clone", "-q", str(cloned.origin), "elsewhere")
    git(folder / "elsewhere", "checkout", "-q", "-B", branch)
    sha = commit(folder / "elsewhere", "news.txt", "news\n")
    git(folder / "elsewhere", "push", "-q", "origin", branch)
    return sha
