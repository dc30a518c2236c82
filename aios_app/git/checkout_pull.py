"""A person's checkout becomes what origin has. What goes is in the trash before anything is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import Checkout, bounded, commits
from aios_app.git.entries import reflog
from aios_app.git.metadata import git_dir_of
from aios_app.git.person import Person
from aios_app.git.runner import run_git
from aios_app.git.snapshot import copy_of
from aios_app.git.targets import Target, fetch_target
from aios_app.git.trash import TrashEntry, keep

#: Files of a very large checkout are written within this.
_WRITE_LIMIT_S = 600.0
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What a checkout shall become, and its own commits that no remote has: ``3f2a9c1 subject``."""

    checkout: Checkout
    name: str  #: e.g. ``origin/main``
    sha: str
    commits: tuple[str, ...]

    @property
    def has_losses(self) -> bool:
        return bool(self.commits) or not self.checkout.is_clean


def fetch_default(checkout: Checkout, person: Person, *, timeout_s: float) -> Replacement:
    """Fetches the branch that is origin's default by now; ``GitError`` where origin cannot be asked."""
    if checkout.repo.origin_url() is None:
        raise ConflictError(f"{checkout.name} has no remote origin to pull from: aios setup URL adds one")
    target = Target(branch=_default_branch(checkout, person, timeout_s))
    sha = fetch_target(checkout.repo, target, person, timeout_s=timeout_s)
    own = commits(checkout, "HEAD", "--not", "--remotes") if checkout.head else []
    return Replacement(checkout=checkout, name=target.name, sha=sha, commits=tuple(own))


def _default_branch(checkout: Checkout, person: Person, timeout_s: float) -> str:
    """What origin's HEAD names, else main or master, else its only one, as it is by now."""
    args = ["ls-remote", "--quiet", "--symref", "origin", "HEAD", f"{_HEADS}*"]
    rows = [line.split("\t") for line in person.run(args, cwd=checkout.root, timeout_s=timeout_s).split("\n")]
    branches = [row[1] for row in rows if row[-1].startswith(_HEADS)]
    named = [row[0].removeprefix("ref: ") for row in rows if row[0].startswith("ref: ")]
    only = branches if len(branches) == 1 else []
    usual = [*named, f"{_HEADS}main", f"{_HEADS}master", *only]
    found = next((name for name in usual if name in branches), "")
    if not found:
        raise ConflictError(f"origin of {checkout.name} has no default branch: git remote show origin")
    return found.removeprefix(_HEADS)


def losses(replacement: Replacement) -> list[str]:
    """A line for each commit and file that goes, then what stays though one might not think so."""
    checkout = replacement.checkout
    lines = bounded([f"commit {line}" for line in replacement.commits])
    for word, names in (
        ("changed", checkout.changed),
        ("deleted", checkout.deleted),
        ("untracked", checkout.new),
    ):
        lines += bounded([f"{word} {name}" for name in names], names)
    lines += [f"stays: {name} is a repository of its own" for name in checkout.nested]
    if (checkout.root / ".gitmodules").exists():
        lines.append("stays: submodules are not moved (git submodule update --init)")
    if stashes := len(reflog(checkout.repo, "refs/stash")):
        lines.append(f"stays: {stashes} in git stash list")
    return lines


def keep_checkout(checkout: Checkout, entry: TrashEntry, *, max_bytes: int) -> TrashEntry:
    """Puts all that stands in the checkout into the trash; repositories inside and ignored files stay."""
    with copy_of(checkout.root, git_dir_of(checkout.root), timeout_s=_WRITE_LIMIT_S) as copy:
        return keep(
            checkout.repo, copy, entry, copy.uncommitted(), max_bytes=max_bytes, has_repositories=False
        )


def replace(replacement: Replacement, kept: str, person: Person) -> None:
    """Moves branch, index and files on; ``kept`` is the commit of all that stands there now.

    What was written since is not in it: then git refuses, and everything is as before.
    """
    checkout = replacement.checkout
    _check_ignored(replacement, kept)
    if kept != checkout.head:
        _reset(checkout, person, kept)  # so that git sees what is not kept as a change of its own
    try:
        _reset(checkout, person, "--keep", replacement.sha)
    except GitError as error:
        if checkout.head:
            _reset(checkout, person, checkout.head)
        raise ConflictError(f"{checkout.root} was not touched: {error.stderr.strip()}") from error


def _check_ignored(replacement: Replacement, kept: str) -> None:
    """Raises ``ConflictError`` for ignored files that would be overwritten: they are not in the trash."""
    root = replacement.checkout.root
    args = ["diff", "--name-only", "--no-renames", "--diff-filter=A", "-z", kept, replacement.sha, "--"]
    there = [
        name for name in _read(replacement.checkout, *args).split("\0") if name and _is_file(root / name)
    ]
    if there:
        names = ", ".join(there[:5])
        raise ConflictError(
            f"{names} is ignored in {root}, and {replacement.name} has a file of that name: move it away"
        )


def _is_file(path: os.PathLike[str]) -> bool:
    return os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path))  # noqa: PTH112, PTH114


def _reset(checkout: Checkout, person: Person, *args: str) -> None:
    person.without_hooks().run(["reset", *args, "--"], cwd=checkout.root, timeout_s=_WRITE_LIMIT_S)


def _read(checkout: Checkout, *args: str) -> str:
    return run_git(args, cwd=checkout.root, timeout_s=READ_LIMIT_S)
