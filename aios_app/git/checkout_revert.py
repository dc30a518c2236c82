"""Undo the last commits of a person's branch by new ones: all of them or none."""

from __future__ import annotations

import contextlib
import os

from aios_app.domain.errors import ConflictError, ExternalError, GitError, UsageError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import Checkout, counted, require_branch
from aios_app.git.checkout_push import COMMIT_LIMIT_S, head_of
from aios_app.git.person import Person
from aios_app.git.runner import run_git


def last_commits(checkout: Checkout, count: int) -> list[str]:
    """The last commits of the branch, newest first; a merge, such as a landing, is one.

    Raises ``UsageError`` where it has fewer, ``ConflictError`` where the checkout cannot take a revert.
    """
    if count < 1:
        raise UsageError("at least 1 commit can be undone")
    require_branch(checkout)
    if checkout.changed or checkout.deleted:
        files = ", ".join([*checkout.changed, *checkout.deleted][:5])
        raise ConflictError(
            f"uncommitted changes in {checkout.root} ({files}): git commit or git stash first"
        )
    found = _first_parents(checkout, count) if checkout.head else []
    if len(found) < count:
        raise UsageError(f"{checkout.branch} has only {counted(len(found), 'commit')}, not {count}")
    if _is_shallow(checkout, found[-1]):
        raise UsageError(
            f"the history of {checkout.root} is cut off before {count} commits: git fetch --unshallow"
        )
    return found


def revert(checkout: Checkout, shas: list[str], person: Person) -> str:
    """Makes one new commit for each that changed something, in this order, and gives the last.

    As each undoes what the one after it left, none can conflict. Where one fails everything is as before.
    """
    undone = _that_changed_something(checkout, shas)
    if not undone:
        raise ConflictError("nothing to undo: no file was changed by what was named")
    _check_ignored(checkout, len(shas))
    args = ["revert", "--no-edit", "--mainline", "1", *undone]
    try:
        person.run(args, cwd=checkout.root, timeout_s=COMMIT_LIMIT_S)
    except GitError as error:
        _go_back(checkout, person)
        if "would be overwritten" in error.stderr:
            raise ConflictError(f"nothing was changed: {error.stderr.strip()}") from error
        raise ExternalError("git revert failed, nothing was changed", error.stderr) from error
    return head_of(checkout)


def _check_ignored(checkout: Checkout, count: int) -> None:
    """Raises ``ConflictError`` for ignored files that git would write over without a word."""
    args = ["log", "--first-parent", "-m", f"--max-count={count}", "--format=", "--name-only", "-z"]
    deleted = _read(checkout, *args, "--no-renames", "--diff-filter=D", "HEAD", "--").split("\0")
    tracked = set(_read(checkout, "ls-files", "-z").split("\0"))
    names = dict.fromkeys(name for name in deleted if name and name not in tracked)
    there = [name for name in names if os.path.lexists(checkout.root / name)]
    if there:
        files = ", ".join(there[:5])
        raise ConflictError(
            f"nothing was changed: {files} in {checkout.root} would be overwritten: move it away"
        )


def _go_back(checkout: Checkout, person: Person) -> None:
    """As ``git revert --abort``, which does not undo what a hook refused."""
    person.run(["revert", "--quit"], cwd=checkout.root, timeout_s=READ_LIMIT_S)
    person.run(["reset", "--quiet", "--merge", checkout.head], cwd=checkout.root, timeout_s=COMMIT_LIMIT_S)


def _first_parents(checkout: Checkout, count: int) -> list[str]:
    return _read(checkout, "rev-list", "--first-parent", f"--max-count={count}", "HEAD").split()


def _that_changed_something(checkout: Checkout, shas: list[str]) -> list[str]:
    """Git refuses to undo a commit that has the files of its parent."""
    args = [
        "log",
        "--first-parent",
        f"--max-count={len(shas) + 1}",
        "--format=%T",
        "--no-show-signature",
        "HEAD",
    ]
    trees = [
        *_read(checkout, *args).split(),
        _read(checkout, "hash-object", "-t", "tree", "/dev/null").strip(),
    ]
    return [sha for sha, tree, before in zip(shas, trees, trees[1:], strict=False) if tree != before]


def _is_shallow(checkout: Checkout, sha: str) -> bool:
    """Whether the parents of this commit were not fetched: to git it seems to have made all files."""
    with contextlib.suppress(OSError):
        return sha in (checkout.repo.git_dir / "shallow").read_text().split()
    return False


def _read(checkout: Checkout, *args: str) -> str:
    return run_git(args, cwd=checkout.root, timeout_s=READ_LIMIT_S)
