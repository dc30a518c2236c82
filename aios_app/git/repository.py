"""Which directories are projects, and what a person should know of one when it is added."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import git

from aios_app.domain.errors import GitError, ProjectUnusable
from aios_app.git.base import resolve_base
from aios_app.git.location import Repository
from aios_app.git.runner import GitTimeout, first_words, run_git

__all__ = [
    "ProjectFacts",
    "Repository",
    "check_project",
    "describe",
    "find_repository",
    "scan",
    "without_password",
    "worktree_of",
]

_SCAN_DEPTH = 5
_READ_LIMIT_S = 10
#: A branch that no one has: pushing to it, dryly, asks for nothing but the right to push.
_PUSH_CHECK = "HEAD:refs/heads/aios/push-check"
#: The first file found says how a fresh worktree is made ready.
_SETUPS = (
    ("package-lock.json", "npm ci"),
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ("yarn.lock", "yarn install --frozen-lockfile"),
    ("bun.lock", "bun install --frozen-lockfile"),
    ("package.json", "npm install"),
    ("uv.lock", "uv sync"),
    ("poetry.lock", "poetry install"),
    ("Pipfile.lock", "pipenv sync"),
    ("requirements.txt", "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
    ("Gemfile.lock", "bundle install"),
    ("composer.lock", "composer install"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """What ``aios add`` says of a project."""

    root: Path
    name: str
    base: str  #: ``origin/main``, or the local ``main`` where there is no remote
    url: str | None  #: of origin, without a password
    push: str  #: ``ok``, ``no remote``, or why the remote refused, in its words
    setup_hint: str  #: a command that fresh worktrees are likely to need, or empty


def find_repository(path: Path) -> Repository:
    """The repository that ``path`` is in; raises ``ProjectUnusable`` with the reason."""
    _check_directory(path, "")
    place = path.resolve()
    if _names_commit(place / ".git"):  # the top of an ordinary repository, as saved projects are
        return Repository(root=place, git_dir=(place / ".git").resolve())
    try:
        with git.Repo(place, search_parent_directories=True, expand_vars=False) as repo:
            return Repository(root=_main_root(repo).resolve(), git_dir=Path(repo.common_dir).resolve())
    except (git.GitError, configparser.Error, OSError, ValueError) as error:
        if os.path.lexists(path / ".git"):
            raise ProjectUnusable(_why_not(path)) from error
        raise ProjectUnusable(f"{path} is not in a git repository: git init there first") from error


def check_project(path: Path) -> None:
    """Raises ``ProjectUnusable`` where no job can be done in ``path``; reads a few files and starts nothing.

    Only where these files show no commit is git asked to confirm it.
    """
    _check_directory(path, f": put it back, or aios remove {path.name}")
    if _names_commit(path / ".git"):
        return
    try:
        with git.Repo(path, expand_vars=False) as repo:
            has_commit = _has_head(repo)
    except (git.GitError, OSError, ValueError) as error:
        raise ProjectUnusable(_why_not(path)) from error
    if not has_commit and not _git_sees_commit(path):
        raise ProjectUnusable(f"{path} has no commit: make a first one there, or aios remove {path.name}")


def describe(path: Path, *, timeout_s: float = 15) -> ProjectFacts:
    """The facts of the project at ``path``; asks the remote whether a push would work, and pushes nothing."""
    repo = find_repository(path)
    if not _git_sees_commit(repo.root):
        raise ProjectUnusable(f"{repo.root} has no commit: make a first one there")
    return ProjectFacts(
        root=repo.root,
        name=repo.root.name.removesuffix(".git"),
        base=resolve_base(repo).ref,
        url=without_password(repo.origin_url()),
        push=_try_push(repo, timeout_s),
        setup_hint=next((command for file, command in _SETUPS if (repo.root / file).is_file()), ""),
    )


def scan(directory: Path) -> list[Path]:
    """The repositories at and below ``directory``, sorted; linked worktrees are left out."""
    _check_directory(directory, "")
    return sorted(_repositories(directory.resolve(), _SCAN_DEPTH))


def worktree_of(path: Path) -> Path | None:
    """The top of the git worktree that ``path`` is in, None outside of any."""
    try:
        with git.Repo(path.resolve(), search_parent_directories=True, expand_vars=False) as repo:
            top = repo.working_tree_dir
    except (git.GitError, configparser.Error, OSError, ValueError):
        return None
    return None if top is None else Path(top).resolve()


def _check_directory(path: Path, remedy: str) -> None:
    try:
        with os.scandir(path):
            os.stat(os.path.join(path, "."))  # noqa: PTH116, PTH118 - Path drops the dot, which asks for the right to enter
    except (FileNotFoundError, ValueError) as error:
        raise ProjectUnusable(f"{path} does not exist{remedy}") from error
    except NotADirectoryError as error:
        raise ProjectUnusable(f"{path} is not a directory{remedy}") from error
    except OSError as error:
        raise ProjectUnusable(f"{path} cannot be read ({error.strerror}){remedy}") from error


def _why_not(path: Path) -> str:
    if os.path.lexists(path / ".git"):
        return f"{path}/.git cannot be read as a repository: git status there says why"
    return f"{path} is not a git repository: git init there, or aios remove {path.name}"


def _names_commit(git_dir: Path) -> bool:
    """Whether HEAD of an ordinary repository names a commit, at the price of two small files.

    Asked of each project of a run while a person waits. False: look closer.
    """
    try:
        head = (git_dir / "HEAD").read_text().strip()
        branch = head.removeprefix("ref: ")
        if branch == head:
            return re.fullmatch(r"[0-9a-f]{40,64}", head) is not None
        return (git_dir / branch).is_file() or f" {branch}\n" in (git_dir / "packed-refs").read_text()
    except (OSError, ValueError):
        return False


def _has_head(repo: git.Repo) -> bool:
    try:
        repo.head.dereference_recursive(repo, repo.head.path)
    except ValueError:
        return False
    return True


def _git_sees_commit(path: Path) -> bool:
    try:
        run_git(["rev-parse", "--verify", "--quiet", "HEAD"], cwd=path, timeout_s=_READ_LIMIT_S)
    except GitTimeout:
        raise
    except GitError as error:
        if error.stderr:
            raise ProjectUnusable(f"git does not work in {path}: {first_words(error)}") from error
        return False
    return True


def _is_bare(repo: git.Repo) -> bool:
    return bool(repo.config_reader("repository").get_value("core", "bare", False))


def _main_root(repo: git.Repo) -> Path:
    """The top of the main worktree; for a bare repository its own directory."""
    common = Path(repo.common_dir).resolve()
    if _is_bare(repo):
        return common
    configured = repo.config_reader("repository").get_value("core", "worktree", "")
    if configured:
        return common / str(configured)
    if common.name == ".git":
        return common.parent
    is_linked = Path(repo.git_dir).resolve() != common
    return common if is_linked or repo.working_tree_dir is None else Path(repo.working_tree_dir)


def _try_push(repo: Repository, timeout_s: float) -> str:
    if repo.origin_url() is None:
        return "no remote"
    options = ["--dry-run", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"]
    try:
        run_git(["push", *options, "origin", _PUSH_CHECK], cwd=repo.root, timeout_s=timeout_s)
    except GitTimeout:
        return f"origin did not answer within {timeout_s:g} s"
    except GitError as error:
        return first_words(error)
    return "ok"


def without_password(url: str | None) -> str | None:
    """The address as it can be shown to anyone."""
    return url and re.sub(r"^(https?://)[^/@]*@", r"\1", url)


def _repositories(directory: Path, depth: int) -> Iterator[Path]:
    entries = _entries(directory)
    if any(entry.name == ".git" for entry in entries):
        if not _is_linked(directory / ".git"):
            yield directory
    elif depth > 0:
        for entry in filter(_is_worth_a_look, entries):
            yield from _repositories(Path(entry.path), depth - 1)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _is_worth_a_look(entry: os.DirEntry[str]) -> bool:
    is_skipped = entry.name.startswith(".") or entry.name == "node_modules"
    return not is_skipped and entry.is_dir(follow_symlinks=False)


def _is_linked(dot_git: Path) -> bool:
    try:
        return dot_git.is_file() and "/worktrees/" in dot_git.read_text(errors="replace")
    except OSError:
        return True
