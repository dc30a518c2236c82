"""Undo the last commits of a person's branch by new ones: all of them or none."""

from __future__ import annotations

import contextlib

from aios_app.domain.errors import ConflictError, ExternalError, GitError, UsageError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import Checkout, require_branch
from aios_app.git.checkout_push import COMMIT_LIMIT_S, head_of
from aios_app.git.person import Person
from aios_app.git.runner import run_git


def last_commits(checkout: Checkout, count: int) -> list[str]:
    """The last commits of the branch, newest first; a merge, such as a landing, is one.

    Raises ``UsageError`` where it has fewer, ``ConflictError`` where the checkout cannot take a revert.
    """
    require_branch(checkout)
    if checkout.changed or checkout.deleted:
        files = ", ".join([*checkout.changed, *checkout.deleted][:5])
        raise ConflictError(
            f"uncommitted changes in {checkout.root} ({files}): git commit or git stash first"
        )
    found = _first_parents(checkout, count) if checkout.head else []
    if len(found) < count:
        raise UsageError(f"{checkout.branch} has only {len(found)} commits, not {count}")
    if _is_shallow(checkout, found[-1]):
        raise UsageError(
            f"the history of {checkout.root} is cut off before {count} commits: git fetch --unshallow"
        )
    return found


def revert(checkout: Checkout, shas: list[str], person: Person) -> str:
    """Makes one new commit for each, in this order, and gives the last.

    Where one cannot be undone everything is as before, and the error says why.
    """
    args = ["revert", "--no-edit", "--mainline", "1", *shas]
    try:
        # A conflict is not resolved as it was once before: no side is chosen silently.
        person.run(args, cwd=checkout.root, timeout_s=COMMIT_LIMIT_S, config={"rerere.enabled": "false"})
    except GitError as error:
        unmerged = _read(checkout, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")
        undone = _read(checkout, "rev-list", "--count", f"{checkout.head}..HEAD").strip()
        _go_back(checkout, person)
        raise _why(shas[int(undone)], [name for name in unmerged if name], error) from error
    return head_of(checkout)


def _why(sha: str, unmerged: list[str], error: GitError) -> Exception:
    kept = "nothing was changed"
    if unmerged:
        return ConflictError(
            f"{sha[:7]} cannot be undone without a conflict in {', '.join(unmerged)}: {kept}"
        )
    if "nothing to commit" in error.stderr or "is now empty" in error.stderr:
        return ConflictError(f"nothing of {sha[:7]} is left to undo: {kept}")
    if "would be overwritten" in error.stderr:
        return ConflictError(f"{sha[:7]} cannot be undone, {kept}: {error.stderr.strip()}")
    return ExternalError(f"git revert failed at {sha[:7]}, {kept}", error.stderr)


def _go_back(checkout: Checkout, person: Person) -> None:
    with contextlib.suppress(GitError):  # where it failed before it began there is nothing to abort
        person.run(["revert", "--abort"], cwd=checkout.root, timeout_s=READ_LIMIT_S)
    if head_of(checkout) != checkout.head:
        raise GitError(f"{checkout.root} could not be put back: git reset --keep {checkout.head[:12]}")


def _first_parents(checkout: Checkout, count: int) -> list[str]:
    return _read(checkout, "rev-list", "--first-parent", f"--max-count={count}", "HEAD").split()


def _is_shallow(checkout: Checkout, sha: str) -> bool:
    """Whether the parents of this commit were not fetched: to git it seems to have made all files."""
    with contextlib.suppress(OSError):
        return sha in (checkout.repo.git_dir / "shallow").read_text().split()
    return False


def _read(checkout: Checkout, *args: str) -> str:
    return run_git(args, cwd=checkout.root, timeout_s=READ_LIMIT_S)
