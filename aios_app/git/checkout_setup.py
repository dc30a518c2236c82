"""From a directory to a repository with a first commit, a branch and an origin."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from aios_app.domain.errors import GitError, ProjectUnusable, UsageError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import Checkout, find_checkout
from aios_app.git.checkout_push import commit_everything
from aios_app.git.location import Repository
from aios_app.git.person import Person
from aios_app.git.runner import run_git

#: The branch of a repository that has no commit yet.
FIRST_BRANCH = "main"
_SCHEMES = r"(?:https?|ssh|git|git\+ssh|file)://(?!-)[^/\s]*/\S+"
#: ``git@github.com:me/shop.git``; a second colon would name a helper program of git, which runs what follows.
_LIKE_SCP = r"(?:[\w.+-]+@)?\w[\w.-]*:(?!:|//)\S+"


def checkout_at(directory: Path) -> Checkout:
    """The checkout that ``directory`` is in; outside of any what ``initialise`` would make of it."""
    try:
        return find_checkout(directory)
    except ProjectUnusable:
        if os.path.lexists(directory / ".git") or not directory.is_dir():
            raise
    names = _files_to_be(directory)
    return Checkout(
        repo=Repository(root=directory, git_dir=directory / ".git"),
        root=directory,
        branch=FIRST_BRANCH,
        new=tuple(name for name in names if not name.endswith("/")),
        nested=tuple(name for name in names if name.endswith("/")),
    )


def remote_address(word: str, cwd: Path) -> str:
    """What a person typed as the address of a remote, a path as an absolute one; raises ``UsageError``."""
    if not word.isprintable() or word.startswith("-"):
        raise UsageError(f"{word!r} is not the address of a repository")
    if re.fullmatch(_SCHEMES, word):
        return word
    if "/" in word.partition(":")[0] or ":" not in word:
        return _path(word, cwd)
    if re.fullmatch(_LIKE_SCP, word) and "::" not in word:
        return word
    raise UsageError(
        f"{word!r} is not the address of a repository: https://..., git@host:..., or a directory"
    )


def commit_first(checkout: Checkout, person: Person) -> str:
    """Makes the repository where there is none, and its first commit of all files, on the first branch."""
    if not checkout.repo.git_dir.exists():
        _write(checkout.root, "init", "--quiet", f"--initial-branch={FIRST_BRANCH}")
    _write(checkout.root, "symbolic-ref", "HEAD", f"refs/heads/{FIRST_BRANCH}")
    return commit_everything(checkout, "First commit", person, is_empty_allowed=True)


def set_origin(checkout: Checkout, address: str) -> None:
    """Adds origin, or changes where it is."""
    verb = "add" if checkout.repo.origin_url() is None else "set-url"
    _write(checkout.root, "remote", verb, "--", "origin", address)


def _path(word: str, cwd: Path) -> str:
    path = Path(os.path.abspath(cwd / word))  # noqa: PTH100 - links stay as the person wrote them
    try:
        run_git(["rev-parse", "--git-dir"], cwd=path, timeout_s=READ_LIMIT_S)
    except GitError as error:
        raise UsageError(
            f"{path} is not a git repository: git init --bare there, or give its address"
        ) from error
    return str(path)


def _files_to_be(directory: Path) -> list[str]:
    """What git would take of a directory that is no repository yet; a repository inside ends with a slash."""
    with tempfile.TemporaryDirectory(prefix="aios-") as place:
        _write(directory, "init", "--quiet", "--bare", "--", place)
        env = {"GIT_DIR": place, "GIT_WORK_TREE": str(directory)}
        args = ["ls-files", "--others", "--exclude-standard", "-z"]
        output = run_git(args, cwd=directory, timeout_s=READ_LIMIT_S, env=env)
    return [name for name in output.split("\0") if name]


def _write(cwd: Path, *args: str) -> None:
    run_git(args, cwd=cwd, timeout_s=READ_LIMIT_S, reading=False)
