"""What was removed, each entry a ref ``refs/aios/trash/DAY/NAME`` that brings it back.

Its commit has the tree of all that stood in the worktree; its parents are what was checked out, then, where
they differ, the tip of the branch that went and what was staged. What else is known is JSON in its message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, branch_sha
from aios_app.git.location import Repository
from aios_app.git.runner import GitFailed, run_git
from aios_app.git.snapshot import Uncommitted, WorktreeCopy, check_size

TRASH = "refs/aios/trash/"
KEPT_DAYS = 30
_KEPT_MS = KEPT_DAYS * 24 * 3600 * 1000
_MOST_OF_A_NAME = 100
_MOST_ENTRIES = 1000  #: of one name on one day


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashEntry:
    """What was removed, and what a person should know of it."""

    name: str  #: of the worktree's directory
    path: str
    removed_ms: int
    job: int = 0  #: 0: of no job
    project: str = ""
    title: str = ""
    base_ref: str = ""
    base_sha: str = ""
    branch: str = ""  #: the branch that went with it; empty: none did
    branch_sha: str = ""
    head: str = ""  #: the commit that was checked out; empty: there was none yet
    head_branch: str = ""  #: what was checked out; empty: a detached HEAD
    staged: str = ""  #: a commit of what was staged, where that is not all in the tree or in ``head``
    files: int = 0  #: uncommitted ones
    commits: int = 0  #: those that nothing else has
    metadata: Mapping[str, object] = field(default_factory=dict)  #: what AIOS had written in the worktree
    ref: str = ""
    sha: str = ""

    @property
    def expires_ms(self) -> int:
        return self.removed_ms + _KEPT_MS

    def evolve(self, **changes: Any) -> Self:  # noqa: ANN401 - any field
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def keep(
    repo: Repository,
    copy: WorktreeCopy,
    entry: TrashEntry,
    uncommitted: Uncommitted,
    *,
    max_bytes: int,
    has_repositories: bool = True,
) -> TrashEntry:
    """Puts all that stands in the copied worktree into the trash, and touches nothing else.

    ``entry`` says what is known of it; ``files``, ``commits``, ``head`` and the like are filled in.
    ``uncommitted`` is what the copy has just said. Raises ``ConflictError`` for what cannot be kept. Without
    ``has_repositories`` those inside of it are left out, as they will stay.
    """
    if has_repositories:
        copy.check(uncommitted, max_bytes)
    else:
        check_size(copy.place, [*uncommitted.changed, *uncommitted.untracked], max_bytes)
    head = copy.head()
    entry = entry.evolve(head=head, head_branch=copy.branch(), files=_count(uncommitted))
    if head and not uncommitted:
        return keep_tree(repo, f"{head}^{{tree}}", entry)
    staged = copy.staged()
    tree = copy.tree(without=uncommitted.nested)
    if staged and staged not in {tree, tree_of(repo, head)}:
        entry = entry.evolve(staged=_commit(repo, staged, [head], "staged", entry.removed_ms))
    return keep_tree(repo, tree, entry)


def keep_tree(repo: Repository, tree: str, entry: TrashEntry) -> TrashEntry:
    """The same of a tree that is known: no entry is ever written over another.

    ``commits`` are counted where ``entry`` does not say how many there are.
    """
    own = entry.commits or len(own_commits(repo, entry.head, entry.branch, entry.base_sha))
    entry = entry.evolve(commits=own)
    parents = list(dict.fromkeys(filter(None, (entry.head, entry.branch_sha, entry.staged))))
    sha = _commit(
        repo, tree, parents, f"Trash: {_slug(entry.name)}\n\n{json.dumps(entry.to_json())}", entry.removed_ms
    )
    return entry.evolve(ref=_add_ref(repo, entry, sha), sha=sha)


def list_trash(repo: Repository) -> list[TrashEntry]:
    """The entries, newest first. What is no entry of ours is left out."""
    output = run_git(
        ["for-each-ref", "--format=%(refname) %(objectname) %(contents:body)", TRASH],
        cwd=repo.git_dir,
        timeout_s=READ_LIMIT_S,
    )
    found = [entry for line in output.splitlines() if (entry := _parsed(line))]
    return sorted(found, key=lambda entry: entry.removed_ms, reverse=True)


def forget(repo: Repository, entry: TrashEntry) -> None:
    """Takes the entry out of the trash."""
    run_git(["update-ref", "-d", entry.ref, entry.sha], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)


def expire(repo: Repository, entries: Iterable[TrashEntry], now_ms: int) -> None:
    """Takes those out that have been there for 30 days."""
    for entry in entries:
        if entry.expires_ms < now_ms:
            forget(repo, entry)


def own_commits(repo: Repository, head: str, branch: str, base_sha: str) -> list[str]:
    """``abc1234 subject`` of the commits that no remote, and no branch but this one, has; newest first."""
    tip = f"{HEADS}{branch}" if branch and branch_sha(repo, branch) else ""
    if not head and not tip:
        return []
    known = ["--not", *([f"--exclude={branch}"] if branch else []), "--branches", "--remotes"]
    output = run_git(
        [
            "log",
            "--no-decorate",
            "--format=%h %s",
            *filter(None, [head, tip]),
            *known,
            *filter(None, [base_sha]),
            "--",
        ],
        cwd=repo.git_dir,
        timeout_s=READ_LIMIT_S,
    )
    return output.splitlines()


def _add_ref(repo: Repository, entry: TrashEntry, sha: str) -> str:
    day = datetime.fromtimestamp(entry.removed_ms / 1000, UTC).astimezone().strftime("%Y%m%d")
    for number in range(1, _MOST_ENTRIES):
        ref = f"{TRASH}{day}/{_slug(entry.name)}" + (f"-{number}" if number > 1 else "")
        try:
            run_git(["update-ref", ref, sha, ""], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
        except GitFailed:
            if not _exists(repo, ref):
                raise
        else:
            return ref
    raise ConflictError(f"the trash has too much of {entry.name}: git update-ref -d takes single entries out")


def _commit(repo: Repository, tree: str, parents: list[str], message: str, at_ms: int) -> str:
    date = f"{at_ms // 1000} +0000"
    person = {"NAME": "AIOS", "EMAIL": "aios@localhost", "DATE": date}
    env = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()}
    options = [word for parent in filter(None, parents) for word in ("-p", parent)]
    return run_git(
        ["commit-tree", "--no-gpg-sign", *options, "-m", message, tree],
        cwd=repo.git_dir,
        timeout_s=READ_LIMIT_S,
        env=env,
    ).strip()


def tree_of(repo: Repository, commit: str) -> str:
    """The tree of a commit; empty where ``commit`` is."""
    if not commit:
        return ""
    return run_git(["rev-parse", f"{commit}^{{tree}}"], cwd=repo.git_dir, timeout_s=READ_LIMIT_S).strip()


def _exists(repo: Repository, ref: str) -> bool:
    try:
        run_git(["show-ref", "--verify", "--quiet", ref], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    except GitError:
        return False
    return True


def _parsed(line: str) -> TrashEntry | None:
    if not line.startswith(TRASH):
        return None
    ref, sha, text = [*line.split(" ", 2), "", ""][:3]
    try:
        data = json.loads(text)
        known = {f.name: data[f.name] for f in fields(TrashEntry) if f.name in data}
        return TrashEntry(**known).evolve(ref=ref, sha=sha)
    except (ValueError, TypeError):
        return None


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:_MOST_OF_A_NAME].strip("-") or "worktree"


def _count(uncommitted: Uncommitted) -> int:
    return len(uncommitted.changed) + len(uncommitted.untracked)
