"""Work merged into its base, and taken out of it again, in the scratch worktree: a new commit or nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from aios_app.domain.errors import ConflictError
from aios_app.domain.landing import ConflictFile, Strategy
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.person import Person
from aios_app.git.runner import GitFailed, run_git
from aios_app.git.scratch import Scratch

#: Of so many files both sides' commits are listed, and so many commits of each side.
_FILES_TOLD = 50
_COMMITS_TOLD = 5
#: What a person may have configured for their own merges and would change ours.
_PLAIN = {
    "merge.ff": "true",
    "merge.log": "false",
    "rerere.enabled": "false",
    "merge.autoStash": "false",
    "submodule.recurse": "false",
}
_PLAIN_REBASE = _PLAIN | {
    "rebase.autoSquash": "false",
    "rebase.autoStash": "false",
    "rebase.forkPoint": "false",
    "rebase.rebaseMerges": "false",
    "rebase.updateRefs": "false",
}


class MergeConflict(ConflictError):
    """Both sides changed the same lines: nothing was changed."""

    def __init__(self, message: str = "", files: tuple[ConflictFile, ...] = ()) -> None:
        super().__init__(message)
        self.files = files


def merge(
    scratch: Scratch,
    base_sha: str,
    source_sha: str,
    strategy: Strategy,
    message: str,
    person: Person,
    *,
    undone_sha: str = "",
) -> str:
    """The commit that has ``source_sha`` on top of ``base_sha``; it stays checked out in the scratch.

    ``base_sha`` itself: it has all of that already. A rebase keeps the commits' own messages; where there are
    merges among them, whose resolutions a rebase drops, it squashes. ``undone_sha`` is a commit of the base
    that took back work which ``source_sha`` has: it is taken back first. Raises ``MergeConflict``.
    """
    scratch.check_out(base_sha, person)
    try:
        if undone_sha:
            scratch.run(["revert", "--no-commit", undone_sha], person, config=_PLAIN)
            _commit_staged(scratch, message, person)
        _merge(scratch, scratch.head(), source_sha, strategy, message, person)
    except GitFailed as error:
        ours, theirs = f"{source_sha}..{base_sha}", f"{base_sha}..{source_sha}"
        raise _conflict(scratch, base_sha, ours, theirs) or error from error
    scratch.fill(person)
    return scratch.head()


def revert_range(
    scratch: Scratch, base_sha: str, landed_from: str, landed_sha: str, message: str, person: Person
) -> str:
    """One commit on ``base_sha`` that takes back what the branch got from ``landed_from`` to ``landed_sha``.

    ``base_sha`` itself: nothing of it is there any more. Raises ``MergeConflict``.
    """
    scratch.check_out(base_sha, person)
    span = ["rev-list", "--first-parent", f"{landed_from}..{landed_sha}", "--"]
    landed = scratch.read(*span).split()
    try:
        for sha in landed:
            scratch.run(["revert", "--no-commit", "-m", "1", sha], person, config=_PLAIN)
        _commit_staged(scratch, message, person)
    except GitFailed as error:
        ours, theirs = f"{landed_sha}..{base_sha}", f"{landed_from}..{landed_sha}"
        raise _conflict(scratch, base_sha, ours, theirs) or error from error
    scratch.fill(person)
    return scratch.head()


def forecast(repo: Repository, base_sha: str, source_sha: str) -> list[str]:
    """Files that a merge would most likely conflict in; none also where this git cannot tell."""
    args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base_sha, source_sha]
    try:
        run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    except GitFailed as error:
        return [name for name in error.stdout.split("\0")[1:] if name] if error.status == 1 else []
    return []


@contextmanager
def message_file(message: str) -> Iterator[str]:
    """A file for git to read a commit's message from: an argument has a limit that agents' words may pass."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace", suffix=".aios") as file:
        file.write(message)
        file.flush()
        yield file.name


def _merge(
    scratch: Scratch, base: str, source: str, strategy: Strategy, message: str, person: Person
) -> None:
    if strategy is Strategy.MERGE:
        with message_file(message) as file:
            options = ["--quiet", "--no-ff", "--no-edit", "--no-stat", "--cleanup=whitespace"]
            scratch.run(["merge", *options, "-F", file, source], person, config=_PLAIN)
    elif strategy is Strategy.REBASE and not _has_merges(scratch, base, source):
        scratch.run(["checkout", "--quiet", "--detach", source], person.without_hooks(), config=_PLAIN)
        # By patch it would leave out also what the base had once and then took back.
        options = ["--quiet", "--no-stat", "--reapply-cherry-picks", "--empty=drop"]
        scratch.run(["rebase", *options, base], person, config=_PLAIN_REBASE)
    else:
        scratch.run(["merge", "--quiet", "--squash", "--no-stat", source], person, config=_PLAIN)
        _commit_staged(scratch, message, person)


def _has_merges(scratch: Scratch, base: str, source: str) -> bool:
    return bool(scratch.read("rev-list", "--merges", "--max-count=1", f"{base}..{source}", "--"))


def _commit_staged(scratch: Scratch, message: str, person: Person) -> None:
    if scratch.read("diff", "--cached", "--name-only", "--no-ext-diff", "-z"):
        with message_file(message) as file:
            scratch.run(["commit", "--quiet", "--cleanup=whitespace", "-F", file], person)


def _conflict(scratch: Scratch, base: str, ours: str, theirs: str) -> MergeConflict | None:
    """What the failed merge that stands in the scratch is about; None: it failed in another way."""
    names = scratch.read("diff", "--name-only", "--diff-filter=U", "--no-ext-diff", "-z").split("\0")
    paths = list(dict.fromkeys(filter(None, names)))
    if not paths:
        return None
    files = tuple(
        ConflictFile(
            path=_printable(path), ours=_commits(scratch, ours, path), theirs=_commits(scratch, theirs, path)
        )
        for path in paths[:_FILES_TOLD]
    )
    untold = tuple(ConflictFile(path=_printable(path)) for path in paths[_FILES_TOLD:])
    said = f"{files[0].path} conflicts" if len(paths) == 1 else f"{len(paths)} files conflict"
    return MergeConflict(f"{said} with {base[:7]}: nothing was changed", (*files, *untold))


def _commits(scratch: Scratch, span: str, path: str) -> tuple[str, ...]:
    options = ["--format=%h %s (%an)", f"--max-count={_COMMITS_TOLD}", "--no-color", "--no-show-signature"]
    lines = scratch.read("log", *options, span, "--", f":(top,literal){path}").splitlines()
    return tuple(_printable(line) for line in lines)


def _printable(text: str) -> str:
    return os.fsencode(text).decode("utf-8", "replace")
