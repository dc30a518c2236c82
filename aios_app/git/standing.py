"""How the work in a worktree stands to its base."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import branch_sha, entry_of
from aios_app.git.landed import is_landed
from aios_app.git.location import Repository
from aios_app.git.removal import own_branch
from aios_app.git.snapshot import copy_of
from aios_app.git.targets import is_ancestor, landing_target, resolve


class Work(enum.StrEnum):
    """What became of it, in the words that are shown."""

    UNCHANGED = "no change"
    LANDED = "landed"
    UNCOMMITTED = "uncommitted changes"
    OPEN = "not landed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The work, and the commit at which it was looked at."""

    work: Work
    head: str = ""


def standing_of(
    repo: Repository, path: Path, *, branch: str, base_ref: str, base_sha: str, wanted: str = ""
) -> Standing:
    """Of the worktree at ``path``, whose own branch is ``branch``, and of its base as last fetched.

    Also landed is what came in by a squash or a rebase elsewhere. In doubt it is not.
    """
    place = path.parent.resolve() / path.name
    admin = entry_of(repo, place)
    if admin is None or not place.is_dir():
        return Standing(work=Work.OPEN)
    with copy_of(place, admin, timeout_s=READ_LIMIT_S) as copy:
        head, is_dirty = copy.head(), bool(copy.uncommitted())
    if is_dirty or not head:
        return Standing(work=Work.UNCOMMITTED, head=head)
    tips = {head, branch_sha(repo, own_branch(repo, place, branch))} - {""}
    if base_sha and all(is_ancestor(repo, tip, base_sha) for tip in tips):
        return Standing(work=Work.UNCHANGED, head=head)
    base = _base_tip(repo, base_ref, wanted)
    has_landed = bool(base) and all(is_landed(repo, tip, base) for tip in tips)
    return Standing(work=Work.LANDED if has_landed else Work.OPEN, head=head)


def _base_tip(repo: Repository, base_ref: str, wanted: str) -> str:
    try:
        target = landing_target(repo, base_ref, wanted)
        return resolve(repo, f"refs/remotes/{target.name}" if target.remote else target.ref)
    except GitError:
        return ""
