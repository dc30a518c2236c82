"""What would go with a worktree, in lines for the person who decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import entry_of, reflog
from aios_app.git.location import Repository
from aios_app.git.removal import check_removable
from aios_app.git.snapshot import copy_of
from aios_app.git.trash import own_commits

#: Names in one line; the others are counted.
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What only this worktree and its branch have."""

    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()  #: ``abc1234 subject``, newest first
    stashes: tuple[str, ...] = ()  #: these stay in the repository
    ignored: tuple[str, ...] = ()  #: these are not kept

    def lines(self) -> list[str]:
        """One line for each kind that there is."""
        commits = "commit" if len(self.commits) == 1 else "commits"
        kinds = (
            ("changed", self.changed),
            ("untracked", self.untracked),
            (f"{commits} that nothing else has", self.commits),
            ("stashed, stays there (git stash list)", self.stashes),
            ("ignored, not kept", self.ignored),
        )
        return [f"{len(names)} {kind}: {_named(names)}" for kind, names in kinds if names]

    @property
    def is_nothing(self) -> bool:
        """Whether all of it stands elsewhere too."""
        return not (self.changed or self.untracked or self.commits)


def losses_of(repo: Repository, path: Path, *, branch: str, base_sha: str, max_bytes: int) -> Losses:
    """What only the worktree at ``path`` has, with the branch that would go with it.

    Raises ``ConflictError`` where it cannot be removed, or the trash cannot keep what is in it.
    """
    check_removable(repo, path)
    place = path.parent.resolve() / path.name
    admin = entry_of(repo, place)
    if admin is None or not place.is_dir():
        return Losses(commits=tuple(own_commits(repo, "", branch, base_sha)))
    with copy_of(place, admin, timeout_s=READ_LIMIT_S) as copy:
        found, head, head_branch = copy.uncommitted(), copy.head(), copy.branch()
        copy.check(found, max_bytes)
        ignored = copy.git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    return Losses(
        changed=found.changed,
        untracked=found.untracked,
        commits=tuple(own_commits(repo, head, branch, base_sha)),
        stashes=tuple(_stashes(repo, {branch, head_branch} - {""})),
        ignored=tuple(filter(None, ignored.split("\0"))),
    )


def _stashes(repo: Repository, branches: set[str]) -> list[str]:
    marks = tuple(f"{words} {branch}:" for branch in branches for words in ("WIP on", "On"))
    return [line for line in reflog(repo, "refs/stash") if line.partition(" ")[2].startswith(marks)]


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
