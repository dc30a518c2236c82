"""The checkout that a person is in: what stands in it, and whether git can work on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError, UsageError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.metadata import git_dir_of
from aios_app.git.repository import find_repository
from aios_app.git.runner import GitTimeout, run_git

#: Names of one kind that are shown; of the others the number.
MAX_NAMES = 40
#: What a hosting service is likely to refuse, or a person to regret.
LARGE_MB = 50
_SECRETS = (".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_*sa", "id_*ed25519", ".netrc")
_NO_SECRETS = ("*.example", "*.sample", "*.template", "*.dist")
_UNFINISHED = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
#: Words before the path in a line of ``git status --porcelain=v2``.
_FIELDS = {"1": 8, "u": 10, "?": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A worktree with its branch and with what is uncommitted in it, as it was when looked at."""

    repo: Repository
    root: Path  #: the top of this worktree
    branch: str  #: empty: a detached HEAD
    head: str = ""  #: empty: no commit yet
    new: tuple[str, ...] = ()  #: untracked, not ignored
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unmerged: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()  #: untracked repositories of their own
    submodules: tuple[str, ...] = ()  #: with changes that only a commit inside of them can hold

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.root.name

    @property
    def is_clean(self) -> bool:
        return not (self.new or self.changed or self.deleted or self.unmerged)


def find_checkout(directory: Path) -> Checkout:
    """The checkout that ``directory`` is in; raises ``UsageError`` or ``ProjectUnusable`` outside of any."""
    repo = find_repository(directory)
    try:
        top = run_git(["rev-parse", "--show-toplevel"], cwd=directory, timeout_s=READ_LIMIT_S)
    except GitTimeout:
        raise
    except GitError as error:
        if "must be run in a work tree" in error.stderr:
            raise UsageError(f"{directory} has no checked out files: go to a worktree of it") from error
        raise
    return read_checkout(repo, Path(top.removesuffix("\n")))


def require_branch(checkout: Checkout) -> None:
    """Raises ``ConflictError`` where a commit would go to no branch, or would finish something begun."""
    require_finished(checkout)
    if not checkout.branch:
        raise ConflictError(f"{checkout.root} is on no branch: git switch BRANCH, or git switch -c NAME")


def require_finished(checkout: Checkout) -> None:
    """Raises ``ConflictError`` in the middle of a merge, a rebase or the like."""
    folder = git_dir_of(checkout.root)
    for name, verb in _UNFINISHED.items():
        if (folder / name).exists():
            raise ConflictError(
                f"a {verb} is not finished in {checkout.root}: git {verb} --continue or git {verb} --abort"
            )
    if checkout.unmerged:
        files = ", ".join(checkout.unmerged[:MAX_NAMES])
        raise ConflictError(f"conflicts are not resolved in {checkout.root}: {files}: edit and git add them")


def file_lines(checkout: Checkout) -> list[str]:
    """A line for each uncommitted file, those first that a person may not want to publish."""
    lines = list(_warnings(checkout.root, (*checkout.new, *checkout.changed)))
    for word, names in (("new", checkout.new), ("changed", checkout.changed), ("deleted", checkout.deleted)):
        lines += bounded([f"{word} {name}" for name in names], names)
    return lines


def bounded(lines: Sequence[str], names: Sequence[str] = ()) -> list[str]:
    """As many lines as a person reads; the last says how many there are besides, of ``names`` also where."""
    left_out = len(lines) - MAX_NAMES
    if left_out <= 0:
        return list(lines)
    folders = Counter(name.partition("/")[0] for name in names[MAX_NAMES:] if "/" in name)
    where = "".join(f", {count} of them in {folder}/" for folder, count in folders.most_common(1))
    return [*lines[:MAX_NAMES], f"and {left_out} more{where}"]


def commits(checkout: Checkout, *selection: str) -> list[str]:
    """``3f2a9c1 subject`` for each commit that git selects by these words, newest first."""
    args = ["log", "--format=%h %s", "--no-decorate", "--no-show-signature", *selection, "--"]
    output = run_git(args, cwd=checkout.root, timeout_s=READ_LIMIT_S)
    return [line for line in output.split("\n") if line]


def counted(count: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def read_checkout(repo: Repository, root: Path) -> Checkout:
    """The checkout whose top is ``root``."""
    options = [
        "--porcelain=v2",
        "--branch",
        "--no-ahead-behind",
        "-z",
        "--untracked-files=all",
        "--no-renames",
    ]
    output = run_git(["status", *options, "--ignore-submodules=none"], cwd=root, timeout_s=READ_LIMIT_S)
    lines = output.rstrip("\0").split("\0")
    head = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    names: dict[str, list[str]] = {}
    for kind, name in (_kind_and_name(line) for line in lines if line and not line.startswith("# ")):
        names.setdefault(kind, []).append(name)
    return Checkout(
        repo=repo,
        root=root,
        branch="" if head["branch.head"] == "(detached)" else head["branch.head"],
        head="" if head["branch.oid"] == "(initial)" else head["branch.oid"],
        **{
            kind: tuple(names.get(kind, ()))
            for kind in ("new", "changed", "deleted", "unmerged", "nested", "submodules")
        },
    )


def _kind_and_name(line: str) -> tuple[str, str]:
    fields = line.split(" ", _FIELDS[line[0]])
    name = fields[-1]
    if line[0] == "?":
        return ("nested" if name.endswith("/") else "new"), name
    if line[0] == "u":
        return "unmerged", name
    if re.fullmatch(r"\.M S\.(M.|.U)", f"{fields[1]} {fields[2]}"):
        return "submodules", name
    return ("deleted" if "D" in fields[1] else "changed"), name


def _warnings(root: Path, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if _is_secret(name.rpartition("/")[2]):
            yield f"WARNING {name} looks like a secret"
        if _size_mb(root / name) > LARGE_MB:
            yield f"WARNING {name} has {_size_mb(root / name)} MB"


def _is_secret(name: str) -> bool:
    return any(fnmatchcase(name, one) for one in _SECRETS) and not any(
        fnmatchcase(name, one) for one in _NO_SECRETS
    )


def _size_mb(path: Path) -> int:
    try:
        return path.lstat().st_size >> 20
    except OSError:
        return 0
