"""Remove a worktree with its branch: into the trash first, so that an end in the middle loses nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.entries import HEADS, branch_sha, entry_of, reflog
from aios_app.git.location import Repository
from aios_app.git.runner import GitTimeout, run_git
from aios_app.git.snapshot import WorktreeCopy, copy_of
from aios_app.git.trash import TrashEntry, expire, forget, keep, keep_tree, list_trash, tree_of

_MOUNTS = Path("/proc/self/mountinfo")
#: How often a worktree in which something still writes is taken anew.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What came of it."""

    entry: TrashEntry | None  #: None: neither worktree nor branch was there
    said: tuple[str, ...] = ()  #: what stayed, and why


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """A disk that is full, or may not be written, is said in words."""
    try:
        yield
    except OSError as error:
        raise GitError(f"the removal was broken off ({error.strerror}: {error.filename})") from error


@_telling()
def remove_worktree(
    repo: Repository,
    entry: TrashEntry,
    *,
    branch: str,
    max_bytes: int,
    expected_head: str = "",
    timeout_s: float = 600,
) -> Removal:
    """Puts the worktree at ``entry.path`` into the trash and removes it; the caller holds the lock.

    ``branch`` is the one that AIOS made for it (empty: none), which goes too, also under the name that it
    was given since. With ``expected_head`` the worktree must stand there and have nothing uncommitted. Begun
    again after a crash it goes on. Raises ``ConflictError``, and nothing was touched, where it is locked, is
    no worktree of the repository, or holds what cannot be kept.
    """
    place = Path(entry.path).parent.resolve() / Path(entry.path).name
    check_removable(repo, place)
    admin = entry_of(repo, place)
    own, said = _branch_to_remove(repo, admin, branch)
    entry = entry.evolve(branch=own, branch_sha=branch_sha(repo, own) if own else "")
    kept: TrashEntry | None
    before = list_trash(repo)
    if admin is not None and place.is_dir():
        with copy_of(place, admin, timeout_s=timeout_s) as copy:
            kept = _keep_all(repo, copy, entry, before, max_bytes=max_bytes, expected_head=expected_head)
    else:
        kept = _keep_commits(repo, admin, entry, before)
    delete_directory(place)
    if admin is not None:
        delete_admin(repo, admin)
    if own:
        said += _delete_branch(repo, own, entry.branch_sha)
    expire(repo, before, entry.removed_ms)
    return Removal(entry=kept, said=said)


def own_branch(repo: Repository, place: Path, branch: str) -> str:
    """The branch that AIOS made as ``branch``, by the name that it has now; empty where it is gone."""
    return _renamed(repo, entry_of(repo, place.parent.resolve() / place.name), branch)


def is_checked_out(repo: Repository, branch: str, *, besides: Path | None = None) -> bool:
    """Whether a worktree stands on the branch, but for that of the git directory ``besides``."""
    git_dirs = [repo.git_dir, *(repo.git_dir / "worktrees").glob("*/")]
    return any(_stands_on(git_dir, branch) for git_dir in git_dirs if git_dir != besides)


def check_removable(repo: Repository, path: Path) -> None:
    """Raises ``ConflictError`` for what is locked, and for what is not, or not only, its worktree."""
    place = path.parent.resolve() / path.name
    admin = entry_of(repo, place)
    if place == repo.root or place.is_symlink() or (admin is None and place.exists()):
        raise ConflictError(f"{place} is not a worktree that was added to {repo.root}: it stays")
    if admin is not None and _has_own_repository(place / ".git", admin):
        raise ConflictError(
            f"{place}/.git is a repository of its own, which cannot be kept: move it away, git worktree "
            f"repair {place} in {repo.root}"
        )
    if mounted := mounts_in(place, _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")):
        raise ConflictError(f"{mounted[0]} is mounted in {place}: umount it first, or it would be emptied")
    if admin is not None and (admin / "locked").exists():
        reason = (admin / "locked").read_text(errors="replace").strip()
        raise ConflictError(
            f"{place} is locked{f' ({reason})' if reason else ''}: git worktree unlock {place} first"
        )


def mounts_in(place: Path, mountinfo: str) -> list[Path]:
    """What is mounted below a directory, by the list that Linux keeps."""
    fields = (line.split(" ")[4] for line in mountinfo.splitlines())
    points = (Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)) for field in fields)
    return [point for point in points if point != place and point.is_relative_to(place)]


def _has_own_repository(link: Path, admin: Path) -> bool:
    """Whether another repository is at work there, as after ``git init`` in the place of a lost link."""
    if not link.is_file():
        return link.is_dir()
    words = link.read_text(encoding="utf-8", errors="surrogateescape").strip()
    other = link.parent / words.removeprefix("gitdir:").strip()
    return other.is_dir() and other.resolve() != admin.resolve()


def _branch_to_remove(repo: Repository, admin: Path | None, branch: str) -> tuple[str, tuple[str, ...]]:
    own = _renamed(repo, admin, branch)
    if own and is_checked_out(repo, own, besides=admin):
        return "", (f"branch {own} stays: it is checked out elsewhere",)
    head = _head_branch(admin) if admin else ""
    if head and head != own:
        return own, (f"branch {head} stays: AIOS did not make it",)
    return own, ()


def _renamed(repo: Repository, admin: Path | None, branch: str) -> str:
    if not branch or branch_sha(repo, branch):
        return branch
    head = _head_branch(admin) if admin else ""
    mark = f" Branch: renamed {HEADS}{branch} to "
    if head and any(mark in line for line in reflog(repo, f"{HEADS}{head}")):
        return head
    return ""


def _head_branch(git_dir: Path) -> str:
    try:
        text = (git_dir / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""
    return text.removeprefix(f"ref: {HEADS}") if text.startswith(f"ref: {HEADS}") else ""


def _stands_on(git_dir: Path, branch: str) -> bool:
    return _head_branch(git_dir) == branch


def _keep_all(
    repo: Repository,
    copy: WorktreeCopy,
    entry: TrashEntry,
    before: Sequence[TrashEntry],
    *,
    max_bytes: int,
    expected_head: str,
) -> TrashEntry:
    begun, uncommitted = _begun(before, entry, copy.head()), copy.uncommitted()
    if begun is not None:
        copy.check(uncommitted, max_bytes)
        if not _is_more(repo, begun, copy.tree()):
            return begun
    if expected_head and (copy.head() != expected_head or uncommitted):
        raise ConflictError(f"{copy.place} was changed since {expected_head[:7]}: it stays")
    for _ in range(_TRIES):
        kept = keep(repo, copy, entry, uncommitted, max_bytes=max_bytes)
        if _is_whole(repo, kept, copy):
            return kept
        forget(repo, kept)
        uncommitted = copy.uncommitted()
    raise ConflictError(f"something writes in {copy.place}: end it first")


def _is_whole(repo: Repository, kept: TrashEntry, copy: WorktreeCopy) -> bool:
    """Whether the worktree is still as it was kept."""
    if kept.files:
        return copy.tree() == tree_of(repo, kept.sha)
    return copy.head() == kept.head and not copy.uncommitted()


def _keep_commits(
    repo: Repository, admin: Path | None, entry: TrashEntry, before: Sequence[TrashEntry]
) -> TrashEntry | None:
    """Of a worktree whose directory is gone its commits are left."""
    head = (_head(repo, admin) if admin else "") or entry.branch_sha
    if not head:
        return None
    head_branch = _head_branch(admin) if admin else entry.branch
    entry = entry.evolve(head=head, head_branch=head_branch)
    return _begun(before, entry, head) or keep_tree(repo, tree_of(repo, head), entry)


def _begun(before: Sequence[TrashEntry], entry: TrashEntry, head: str) -> TrashEntry | None:
    """The entry of a removal of the same worktree, as it stands, that did not come to its end."""
    same = (entry.job, entry.path, head)
    return next((old for old in before if (old.job, old.path, old.head) == same), None)


def _is_more(repo: Repository, entry: TrashEntry, tree: str) -> bool:
    """Whether the tree has anything that the entry has not."""
    args = ["diff-tree", "-r", "--name-status", "--no-renames", "--diff-filter=d", entry.sha, tree]
    return bool(run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S))


def _head(repo: Repository, admin: Path) -> str:
    try:
        args = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
        return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S, env={"GIT_DIR": str(admin)}).strip()
    except GitTimeout:
        raise
    except GitError:
        return ""


def delete_directory(place: Path) -> None:
    """In one step for whoever looks: the rest of a half deleted worktree would pass for its agent's work.

    Also what a removal of it that was cut off has left.
    """
    going = place.with_name(f".aios-removed-{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:16]}")
    try:
        _delete_tree(going)  # of a removal that was cut off
        with contextlib.suppress(FileNotFoundError):
            place.rename(going)
        _delete_tree(going)
    except OSError as error:
        raise GitError(
            f"{place} could not be removed whole ({error.strerror}: {error.filename}), its work is in the "
            "trash: remove the rest by hand, then do this again"
        ) from error


def _delete_tree(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except PermissionError:
            _make_writable(folder)
            shutil.rmtree(folder)


def _make_writable(place: Path) -> None:
    """Directories that may be read but not changed, as some tools leave them."""
    for folder, _, _ in os.walk(place):
        if os.access(folder, os.R_OK | os.X_OK):
            Path(folder).chmod(0o700)


def delete_admin(repo: Repository, admin: Path) -> None:
    """The repository's side of a worktree, in one step, as git takes a half deleted one for broken."""
    gone = repo.git_dir / f"aios-removed-{admin.name}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(gone)
    admin.rename(gone)
    shutil.rmtree(gone)
    with contextlib.suppress(OSError):
        admin.parent.rmdir()


def _delete_branch(repo: Repository, branch: str, sha: str) -> tuple[str, ...]:
    try:
        run_git(["update-ref", "-d", f"{HEADS}{branch}", sha], cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    except GitTimeout:
        raise
    except GitError:
        return (f"branch {branch} stays: it has moved meanwhile",)
    return ()
