"""Where work lands: a branch of the remote, or of the repository itself where there is no remote."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S, default_base
from aios_app.git.entries import loose_ref
from aios_app.git.fallback import fetch_with_fallback
from aios_app.git.location import Repository
from aios_app.git.person import Person
from aios_app.git.runner import GitFailed, run_git

_HEADS = "refs/heads/"
_TRACKED = "refs/remotes/origin/"
_FETCH = ("--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--no-tags")
#: Two fetches at once meet at one reference; the one that comes too late goes again.
_FETCH_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A branch that work lands on."""

    branch: str
    remote: str = "origin"  #: empty: the local branch

    @property
    def ref(self) -> str:
        """The branch's full name, there where it lands."""
        return _HEADS + self.branch

    @property
    def name(self) -> str:
        """As a person says it: ``origin/main``, or ``main``."""
        return f"{self.remote}/{self.branch}" if self.remote else self.branch


def landing_target(repo: Repository, base_ref: str, wanted: str = "") -> Target:
    """``wanted``, else ``base_ref`` if it is a branch there, else the default branch.

    With a remote its branches count, as last fetched; without one the local ones, and the default is the one
    that is checked out. Raises ``ConflictError`` where ``wanted`` is no branch there or there is no default.
    """
    remote = "origin" if repo.origin_url() is not None else ""
    branches = _branches(repo, _TRACKED if remote else _HEADS)
    chosen = _short(wanted or base_ref, branches)
    if chosen in branches:
        return Target(branch=chosen, remote=remote)
    if wanted:
        raise ConflictError(f"{remote or repo.root} has no branch '{wanted}' to land on: set another base")
    default = default_base(repo)[0].removeprefix("origin/")
    if default == "HEAD":
        raise ConflictError(f"{repo.root} is on no branch and has no default one: set the project's base")
    return Target(branch=default, remote=remote)


def line_key(repo: Repository, target: Target, machine: str) -> str:
    """Names the branch, the same from each clone of the remote.

    Without a remote it names the repository, of which another ``machine`` may have one at the same path.
    """
    place = _remote_place(repo) if target.remote else f"{machine}\n{repo.git_dir}"
    return hashlib.sha256(f"{place}\n{target.branch}".encode("utf-8", "surrogateescape")).hexdigest()[:20]


def fetch_target(
    repo: Repository, target: Target, person: Person, *, timeout_s: float, https_fallback: bool = False
) -> str:
    """The commit that the branch is at by now. Raises ``GitError`` where the remote cannot be asked.

    With ``https_fallback`` origin is asked by HTTPS, for good, where SSH finds no key or no way to it.
    """
    if not target.remote:
        return resolve(repo, target.ref)
    fetch = functools.partial(
        fetch_with_fallback,
        repo,
        timeout_s=timeout_s,
        options=_FETCH,
        refspecs=[f"+{target.ref}:{_TRACKED}{target.branch}"],
        run=person.run,
        is_allowed=https_fallback,
    )
    for _ in range(_FETCH_TRIES - 1):
        try:
            return _fetched(fetch, repo, target)
        except GitFailed as error:
            if "cannot lock ref" not in error.stderr:
                raise
    return _fetched(fetch, repo, target)


def remote_has(repo: Repository, target: Target, sha: str, person: Person, *, timeout_s: float) -> bool:
    """Whether the branch contains ``sha``, asked of the remote itself; ``GitError`` where it cannot be asked.

    Without a remote the local branch is looked at.
    """
    if target.remote:
        args = ["ls-remote", "--quiet", "origin", target.ref]
        tips = person.run(args, cwd=repo.root, timeout_s=timeout_s).splitlines()
        tip = next((line.split("\t")[0] for line in tips if line.endswith(f"\t{target.ref}")), "")
        if tip in ("", sha):
            return tip == sha
    return is_ancestor(repo, sha, fetch_target(repo, target, person, timeout_s=timeout_s))


def is_ancestor(repo: Repository, sha: str, of: str) -> bool:
    """Whether ``of`` contains ``sha``; both are commits of the repository."""
    if sha == of:
        return True
    try:
        args = ["merge-base", "--is-ancestor", sha, of]
        run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S)
    except GitFailed as error:
        if error.status != 1:
            raise
        return False
    return True


def resolve(repo: Repository, name: str) -> str:
    """The commit of a full name or a commit; raises ``GitError`` where there is none."""
    if name.startswith((_HEADS, _TRACKED)) and (sha := loose_ref(repo.git_dir, name)):
        return sha
    try:
        args = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).strip()
    except GitFailed as error:
        raise GitError(f"{repo.root} has no {name.removeprefix(_HEADS)}", error.stderr) from error


def _fetched(fetch: Callable[[], str], repo: Repository, target: Target) -> str:
    try:
        fetch()
    except GitFailed as error:
        if "couldn't find remote ref" in error.stderr:
            raise GitError(
                f"origin has no branch {target.branch} (any more): set another base, or push one there"
            ) from error
        raise
    return resolve(repo, _TRACKED + target.branch)


def _branches(repo: Repository, prefix: str) -> set[str]:
    args = ["for-each-ref", "--format=%(refname)", prefix]
    names = run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).splitlines()
    return {name.removeprefix(prefix) for name in names} - {"HEAD"}


def _short(name: str, branches: set[str]) -> str:
    prefixes = (_HEADS, _TRACKED, "remotes/origin/", "origin/")
    if name in branches:
        return name
    return next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), name)


def push_address(repo: Repository) -> str:
    """Where a push to origin goes; a path in full, so that it is the same from each worktree."""
    args = ["remote", "get-url", "--push", "origin"]
    url = run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S).removesuffix("\n")
    is_path = "://" not in url and ":" not in url.split("/")[0]
    return os.path.normpath(repo.root / url) if is_path else url


def _remote_place(repo: Repository) -> str:
    """The address that a push goes to, without credentials and the ways to write the same one."""
    url = push_address(repo).removeprefix("file://")
    if url.startswith("/"):
        return os.path.realpath(url).removesuffix(".git")
    found = re.match(r"(?:[a-z+]+://)?(?:[^/@]*@)?([^/:]*(?::\d+(?=/))?)[:/](.*)", url, re.DOTALL)
    if found is None:
        return url
    host = re.sub(r":(22|80|443)$", "", found[1].lower())
    return f"{host}/{found[2].strip('/').removesuffix('.git')}"
