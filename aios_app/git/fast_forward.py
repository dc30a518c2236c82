"""The person's own branch after a landing: moved on where that takes nothing from anyone, else left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, branch_sha
from aios_app.git.location import Repository
from aios_app.git.person import Person
from aios_app.git.runner import first_words, run_git
from aios_app.git.scratch import LOCAL_LIMIT_S
from aios_app.git.targets import Target

_MOST_NAMES = 5
#: Where git notes the branch that a rebase or a bisect will come back to.
_NOTES = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")


def fast_forward(repo: Repository, target: Target, sha: str, *, allows_edits: bool) -> str:
    """Moves the local branch of the target's name on to ``sha``; one sentence on what came of it.

    Empty: there is no such branch, or it has ``sha`` already. A checkout with changes of tracked files is
    left alone unless ``allows_edits``: then git decides, which loses none. Never fails for what it finds.
    """
    branch = target.branch
    local = branch_sha(repo, branch)
    own, new = _apart(repo, local, sha) if local else (0, 0)
    if not new:
        return ""
    if own:
        return f"your {branch} has commits of its own, so it was not moved{_later(target)}"
    try:
        return _move(repo, target, local, sha, allows_edits=allows_edits)
    except GitError as error:
        return f"your {branch} was not moved ({_reason(error)}){_later(target)}"


def _apart(repo: Repository, local: str, sha: str) -> tuple[int, int]:
    """How many commits each of the two has that the other has not."""
    args = ["rev-list", "--left-right", "--count", f"{local}...{sha}", "--"]
    own, new = run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).split()
    return int(own), int(new)


def _move(repo: Repository, target: Target, local: str, sha: str, *, allows_edits: bool) -> str:
    branch, places = target.branch, list(_checkouts(repo, target.ref))
    if len(places) > 1:
        return f"your {branch} is checked out {len(places)} times, so it was not moved{_later(target)}"
    if places:
        return _move_checkout(places[0], target, sha, allows_edits=allows_edits)
    if _is_noted(repo, branch):
        return f"a rebase or bisect of your {branch} is under way, so it was not moved{_later(target)}"
    args = ["update-ref", "-m", f"landing: fast-forward to {sha[:7]}", target.ref, sha, local]
    run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    return f"your {branch} is at {sha[:7]}"


def _move_checkout(place: Path, target: Target, sha: str, *, allows_edits: bool) -> str:
    branch = target.branch
    if not allows_edits and _has_edits(place):
        return f"your checkout has edits, so {branch} there was not moved{_later(target)}"
    # By itself git would write over what the person has and ignores.
    args = ["merge", "--quiet", "--ff-only", "--no-stat", "--no-autostash", "--no-overwrite-ignore", sha]
    Person(has_hooks=False).run(args, cwd=place, timeout_s=LOCAL_LIMIT_S)
    return f"your {branch} is at {sha[:7]} ({place})"


def _has_edits(place: Path) -> bool:
    args = ["status", "--porcelain", "--untracked-files=no", "--no-renames"]
    return bool(run_git(args, cwd=place, timeout_s=READ_LIMIT_S))


def _checkouts(repo: Repository, ref: str) -> Iterator[Path]:
    output = run_git(["worktree", "list", "--porcelain"], cwd=repo.root, timeout_s=READ_LIMIT_S)
    blocks = [block.splitlines() for block in output.split("\n\n") if block.startswith("worktree /")]
    for number, lines in enumerate(blocks):
        if f"branch {ref}" in lines:
            yield Path(lines[0].removeprefix("worktree ")) if number else repo.root


def _is_noted(repo: Repository, branch: str) -> bool:
    git_dirs = [repo.git_dir, *(repo.git_dir / "worktrees").glob("*/")]
    return any(_note(git_dir / name) == branch for git_dir in git_dirs for name in _NOTES)


def _note(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip().removeprefix(HEADS)
    except OSError:
        return ""


def _reason(error: GitError) -> str:
    """With the files that are in the way, which git names below its first line."""
    names = [line.strip() for line in error.stderr.splitlines() if line.startswith("\t")]
    return " ".join([first_words(error), ", ".join(names[:_MOST_NAMES])]).strip()


def _later(target: Target) -> str:
    return ": git pull when ready" if target.remote else ""
