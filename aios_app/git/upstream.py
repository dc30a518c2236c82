"""AIOS's own repository: how a checkout of it stands, what is new upstream, and a checkout of that.

Everything happens in a bare clone of our own. Of a person's checkout only its commit is read.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.checkout import Checkout, find_checkout
from aios_app.git.fallback import FETCH_OPTIONS, fetch_with_fallback
from aios_app.git.location import Repository
from aios_app.git.repository import without_password
from aios_app.git.runner import GitFailed, run_git

_LIMIT_S = 60
_SHOWN = 40
_BRANCH = "aios.branch"
#: The address as the checkout has it, which may not be the one that is fetched from any more.
_ADDRESS = "aios.address"
_REMOTE = "refs/remotes/origin/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where newer versions come from."""

    url: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What upstream has and the version here has not; ``lines`` as ``git log --oneline`` has them."""

    commit: str
    behind: int
    lines: tuple[str, ...]
    remark: str  #: what became of the address, where that had to change; else empty


def origin_of(root: Path) -> Origin:
    """What the checkout at ``root`` follows; ``ConflictError`` where a person works in it."""
    checkout = find_checkout(root)
    url = checkout.repo.origin_url()
    if not url:
        raise ConflictError(f"{root} has no remote to update from: git remote add origin URL")
    default = _default_branch(root)
    own = _why_own(checkout, default)
    if own:
        raise ConflictError(f"{root} is yours to update, {own}: git pull there, then script/setup")
    return Origin(url=_absolute(url, root), branch=default)


def origin_of_release(root: Path) -> Origin:
    """What the release at ``root`` was made from; ``ConflictError`` where somebody changed its files."""
    checkout = find_checkout(root)
    if not checkout.is_clean:
        names = ", ".join((*checkout.changed, *checkout.deleted, *checkout.new)[:3])
        raise ConflictError(
            f"files of {root} were changed by hand ({names}): put them back, git status there"
        )
    url, branch = checkout.repo.origin_url(), _value(root, _BRANCH)
    if not url or not branch:
        raise GitError(f"{root} does not know where it came from: ./aios install in a checkout of AIOS again")
    return Origin(url=url, branch=branch)


def fetch_news(
    source: Path, origin: Origin, root: Path, *, timeout_s: float, keep_open: Sequence[int]
) -> News:
    """Fetches into our own clone, made where it is missing, and compares with the commit of ``root``.

    ``keep_open`` are descriptors that git inherits. Raises ``GitError`` with git's words, ``ConflictError``
    where upstream's history is not a continuation of this one.
    """
    run = functools.partial(run_git, keep_open=keep_open)
    commit = run(["rev-parse", "HEAD"], cwd=root, timeout_s=_LIMIT_S).strip()
    _prepare(source, origin)
    ours = (*FETCH_OPTIONS, "--no-tags", "--update-shallow")
    run(["fetch", *ours, str(root), "+HEAD:refs/aios/current"], cwd=source, timeout_s=_LIMIT_S)
    tip = _REMOTE + origin.branch
    remark = fetch_with_fallback(
        Repository(root=source, git_dir=source),
        timeout_s=timeout_s,
        options=(*FETCH_OPTIONS, "--no-tags"),
        refspecs=(f"+refs/heads/{origin.branch}:{tip}",),
        run=run,
    )
    new = _ask(source, "rev-parse", "--verify", tip)
    if not _is_ancestor(source, commit, new):
        if _is_ancestor(source, new, commit):
            return News(commit=commit, behind=0, lines=(), remark=remark)
        raise ConflictError(
            f"the history of {origin.branch} of {without_password(origin.url)} was rewritten: it lacks "
            f"{commit[:7]}. To take it, clone it anew, then script/setup and ./aios install there"
        )
    between = f"{commit}..{new}"
    log = ["log", "--oneline", "--no-decorate", "--no-show-signature", "--no-color", f"-n{_SHOWN}"]
    return News(
        commit=new,
        behind=int(_ask(source, "rev-list", "--count", between)),
        lines=tuple(_ask(source, *log, between).splitlines()),
        remark=remark,
    )


def check_out(source: Path, commit: str, place: Path, *, keep_open: Sequence[int]) -> None:
    """A checkout of its own at ``place``, which does not exist yet."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = functools.partial(run_git, keep_open=keep_open, timeout_s=_LIMIT_S)
    run(["clone", "--quiet", "--no-checkout", "--no-tags", str(source), str(place)], cwd=source)
    _ask(place, "config", "remote.origin.url", _value(source, _ADDRESS))
    _ask(place, "config", _BRANCH, _value(source, _BRANCH))
    run(["checkout", "--quiet", "--detach", commit], cwd=place)


def _why_own(checkout: Checkout, default: str) -> str:
    """Why the checkout belongs to somebody who works in it; empty where it is as upstream has it."""
    if not checkout.branch:
        return f"it is on no branch (at {checkout.head[:7]})"
    if checkout.branch != default:
        return f"it is on branch {checkout.branch}"
    changed = (*checkout.unmerged, *checkout.changed, *checkout.deleted, *checkout.new)
    if changed:
        return f"it has changes of its own ({', '.join(changed[:3])})"
    ahead = _ask(checkout.root, "rev-list", "--count", f"{_REMOTE}{default}..HEAD")
    return "" if ahead == "0" else f"it has commits of its own ({ahead})"


def _default_branch(root: Path) -> str:
    """Of origin, as the checkout knows it."""
    try:
        return _ask(root, "symbolic-ref", _REMOTE + "HEAD").removeprefix(_REMOTE)
    except GitFailed:
        return "main"


def _prepare(source: Path, origin: Origin) -> None:
    """The clone with its address: one that is broken is made anew, as all in it can be fetched again."""
    if not _is_repository(source):
        shutil.rmtree(source, ignore_errors=True)
        source.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        run_git(["init", "--quiet", "--bare", str(source)], cwd=source.parent, timeout_s=_LIMIT_S)
    for lock in source.rglob("*.lock"):  # of a killed git: there is no other one while we hold our lock
        lock.unlink(missing_ok=True)
    if _value(source, _ADDRESS) != origin.url:
        _ask(source, "config", "remote.origin.url", origin.url)
        _ask(source, "config", _ADDRESS, origin.url)
    _ask(source, "config", _BRANCH, origin.branch)


def _is_repository(source: Path) -> bool:
    if not (source / "HEAD").is_file():
        return False
    with contextlib.suppress(GitFailed):
        return Path(_ask(source, "rev-parse", "--absolute-git-dir")).samefile(source)
    return False


def _absolute(url: str, root: Path) -> str:
    """A path as the checkout means it, from wherever one looks; other addresses as they are."""
    is_path = url.startswith(("/", "./", "../")) or (":" not in url and (root / url).exists())
    return os.path.normpath(root / url) if is_path else url


def _is_ancestor(source: Path, old: str, new: str) -> bool:
    try:
        _ask(source, "merge-base", "--is-ancestor", old, new)
    except GitFailed as error:
        if error.status != 1:
            raise
        return False
    return True


def _value(source: Path, key: str) -> str:
    with contextlib.suppress(GitFailed):
        return _ask(source, "config", "--local", "--get", key)
    return ""


def _ask(cwd: Path, *args: str) -> str:
    return run_git(args, cwd=cwd, timeout_s=_LIMIT_S).removesuffix("\n")
