"""The commit that a worktree begins at."""

from __future__ import annotations

from dataclasses import dataclass

from aios_app.domain.errors import GitError, ProjectUnusable, UsageError
from aios_app.git.fallback import fetch_with_fallback
from aios_app.git.location import Repository
from aios_app.git.runner import GitTimeout, first_words, run_git

#: Even the status of a very large checkout is known within this.
READ_LIMIT_S = 60
_ORIGIN = "refs/remotes/origin/"
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A resolved base, and what of the person's own work is not in it."""

    ref: str  #: e.g. ``origin/main``; as asked for, where something was asked for
    sha: str
    branch: str  #: the branch that the person has checked out; empty: a detached HEAD
    ahead: int  #: commits that the local branch of the base's name has and the base has not
    uncommitted: int  #: changed and untracked files of the person's checkout

    def sentence(self) -> str:
        """What a person is told, e.g. ``base origin/main 3f2a9c1; your main is 2 ahead``."""
        short = self.sha[:7]
        said = f"base {short}" if self.ref.startswith(short) else f"base {self.ref} {short}"
        local = self.ref.removeprefix("origin/")
        left_out = [f"your {local} is {self.ahead} ahead"] if self.ahead else []
        if self.uncommitted:
            left_out.append(
                "1 file is uncommitted"
                if self.uncommitted == 1
                else f"{self.uncommitted} files are uncommitted"
            )
        if not left_out:
            return said
        other = "HEAD" if local == self.branch else local
        return f"{said}; {' and '.join(left_out)}: not included" + (
            f" (--base {other})" if self.ahead else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checkout:
    sha: str
    branch: str
    uncommitted: int


def fetch(repo: Repository, *, timeout_s: float, https_fallback: bool = False) -> str:
    """Fetches origin, where there is one. Empty: done; else one line that says why the base may be old.

    With ``https_fallback`` by HTTPS where SSH finds no key or no way; the line says it where that has worked.
    """
    if repo.origin_url() is None:
        return ""
    try:
        return fetch_with_fallback(repo, timeout_s=timeout_s, is_allowed=https_fallback)
    except GitTimeout:
        return f"origin did not answer within {timeout_s:g} s: base is the last fetched state"
    except GitError as error:
        return f"origin could not be fetched ({first_words(error)}): base is the last fetched state"


def resolve_base(repo: Repository, wanted: str = "", *, usual: str = "") -> Base:
    """The commit of ``wanted``, any name of one, also of a branch that only origin has.

    Empty: that of ``usual``, where origin's branch counts, however old the person's own is; else origin's
    default branch as last fetched; without a remote what is checked out. Raises ``UsageError`` for a name
    that nothing has.
    """
    checkout = _checkout(repo)
    refs = _refs(repo)
    name = wanted or _on_origin(usual, refs)
    ref, sha = _named(repo, name, refs) if name else _default(checkout, refs)
    return Base(
        ref=ref,
        sha=_commit(repo, sha),
        branch=checkout.branch,
        ahead=_ahead(repo, ref, sha, refs),
        uncommitted=checkout.uncommitted,
    )


def default_base(repo: Repository) -> tuple[str, str]:
    """Name and commit of the base where nothing is asked for, without a look at the person's files."""
    ref, sha = _default(_head(repo), _refs(repo))
    return ref, _commit(repo, sha)


def _checkout(repo: Repository) -> _Checkout:
    if repo.is_bare:
        return _head(repo)
    options = [
        "--porcelain=v2",
        "--branch",
        "--no-ahead-behind",
        "-z",
        "--untracked-files=normal",
        "--no-renames",
    ]
    output = run_git(["status", *options, "--ignore-submodules=dirty"], cwd=repo.root, timeout_s=READ_LIMIT_S)
    entries = output.rstrip("\0").split("\0")
    head = dict(entry[2:].split(" ", 1) for entry in entries if entry.startswith("# branch."))
    return _Checkout(
        sha=_commit(repo, head["branch.oid"]),
        branch="" if head["branch.head"] == "(detached)" else head["branch.head"],
        uncommitted=sum(not entry.startswith("# ") for entry in entries),
    )


def _head(repo: Repository) -> _Checkout:
    output = run_git(
        ["rev-parse", "--revs-only", "HEAD", "--symbolic-full-name", "HEAD"],
        cwd=repo.root,
        timeout_s=READ_LIMIT_S,
    )
    sha, name = [*output.splitlines(), "", ""][:2]
    return _Checkout(
        sha=sha if repo.is_bare else _commit(repo, sha),  # a clone of AIOS has no branch checked out
        branch=name.removeprefix(_HEADS) if name != "HEAD" else "",
        uncommitted=0,
    )


def _commit(repo: Repository, sha: str) -> str:
    if sha in ("", "(initial)"):
        raise ProjectUnusable(f"{repo.root} has no commit: make a first one there")
    return sha


def _refs(repo: Repository) -> dict[str, str]:
    """Branches, and origin's, with their commits; of ``origin/HEAD`` the branch that it stands for."""
    output = run_git(
        ["for-each-ref", "--format=%(refname) %(objectname) %(symref)", _HEADS, _ORIGIN],
        cwd=repo.root,
        timeout_s=READ_LIMIT_S,
    )
    rows = (line.split(" ") for line in output.splitlines())
    return {name: target if name == f"{_ORIGIN}HEAD" and target else sha for name, sha, target in rows}


def _default(checkout: _Checkout, refs: dict[str, str]) -> tuple[str, str]:
    branches = [name for name in refs if name.startswith(_ORIGIN) and name != f"{_ORIGIN}HEAD"]
    usual = [refs.get(f"{_ORIGIN}HEAD", ""), f"{_ORIGIN}main", f"{_ORIGIN}master"]
    found = next((name for name in usual if name in branches), branches[0] if len(branches) == 1 else None)
    if found is None:
        return checkout.branch or "HEAD", checkout.sha
    return found.removeprefix("refs/remotes/"), refs[found]


def _on_origin(usual: str, refs: dict[str, str]) -> str:
    return f"origin/{usual}" if usual != "HEAD" and f"{_ORIGIN}{usual}" in refs else usual


def _named(repo: Repository, wanted: str, refs: dict[str, str]) -> tuple[str, str]:
    if wanted.startswith("-"):
        raise UsageError(f"'{wanted}' cannot be a base: name a branch, a tag or a commit")
    try:
        args = ["rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}"]
        return wanted, run_git(args, cwd=repo.root, timeout_s=READ_LIMIT_S).strip()
    except GitTimeout:
        raise
    except GitError as error:
        if f"{_ORIGIN}{wanted}" in refs:
            return f"origin/{wanted}", refs[f"{_ORIGIN}{wanted}"]
        raise UsageError(f"'{wanted}' is no branch, tag or commit of {repo.root}") from error


def _ahead(repo: Repository, ref: str, sha: str, refs: dict[str, str]) -> int:
    local = f"{_HEADS}{ref.removeprefix('origin/')}"
    if not ref.startswith("origin/") or refs.get(local, sha) == sha:
        return 0
    args = ["rev-list", "--count", f"{sha}..{refs[local]}"]
    return int(run_git(args, cwd=repo.root, timeout_s=READ_LIMIT_S))
