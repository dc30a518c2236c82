"""Bare clones, one of each address, of which the worktrees of a machine are made."""

from __future__ import annotations

import shutil
from pathlib import Path

from aios_app.domain.addresses import check_address
from aios_app.domain.errors import GitError, ProjectUnusable
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.fallback import fetch_with_fallback
from aios_app.git.https_twin import https_twin
from aios_app.git.location import Repository
from aios_app.git.runner import GitFailed, GitTimeout, first_words, run_git

#: As an ordinary clone has it: what origin has stays apart from the branches of jobs.
_REFSPEC = "+refs/heads/*:refs/remotes/origin/*"


def clone_at(place: Path) -> Repository:
    """The bare repository that stands, or will stand, at ``place``."""
    where = place.parent.resolve() / place.name
    return Repository(root=where, git_dir=where)


def has_clone(repo: Repository) -> bool:
    """Whether it was cloned already: it appears whole."""
    return (repo.git_dir / "HEAD").is_file()


def default_branch(url: str, *, cwd: Path, timeout_s: float) -> str:
    """The branch that the remote has checked out; empty: it does not say. Raises ``GitError``."""
    said = run_git(["ls-remote", "--symref", "--", url, "HEAD"], cwd=cwd, timeout_s=timeout_s)
    heads = [line.split("\t")[0] for line in said.splitlines() if line.startswith("ref: refs/heads/")]
    return heads[0].removeprefix("ref: refs/heads/") if heads else ""


def clone(repo: Repository, url: str, *, timeout_s: float, https_fallback: bool = False) -> None:
    """Clones the address, where that is not done; a clone of another one belongs to this one from now on.

    The caller holds the repository's lock. Raises ``ProjectUnusable`` with git's words where it cannot be
    cloned; nothing is left then.
    """
    check_address(url)
    if has_clone(repo):
        if repo.origin_url() not in (url, https_twin(url)):
            _git(repo, "config", "remote.origin.url", url)
        return
    scratch = clone_at(repo.root.with_name(f".{repo.root.name}.new"))
    shutil.rmtree(scratch.root, ignore_errors=True)
    scratch.root.mkdir(mode=0o700, parents=True)
    try:
        _fill(scratch, url, timeout_s=timeout_s, https_fallback=https_fallback)
        scratch.root.rename(repo.root)
    except GitTimeout as error:
        raise ProjectUnusable(f"{url} cannot be cloned: it did not answer within {timeout_s:g} s") from error
    except GitError as error:
        raise ProjectUnusable(f"{url} cannot be cloned: {first_words(error)}") from error
    finally:
        shutil.rmtree(scratch.root, ignore_errors=True)


def _fill(repo: Repository, url: str, *, timeout_s: float, https_fallback: bool) -> None:
    _git(repo, "init", "--quiet", "--bare")
    _git(repo, "config", "remote.origin.url", url)
    _git(repo, "config", "remote.origin.fetch", _REFSPEC)
    fetch_with_fallback(repo, timeout_s=timeout_s, is_allowed=https_fallback)
    if not _git(repo, "for-each-ref", "--count=1", "refs/remotes/origin/"):
        raise ProjectUnusable(f"{url} has no commit: push a first one there")
    _note_default(repo, timeout_s)


def _note_default(repo: Repository, timeout_s: float) -> None:
    """Which branch is origin's default; where it does not say, the usual names decide."""
    try:
        branch = default_branch("origin", cwd=repo.root, timeout_s=timeout_s)
    except GitFailed:
        return
    if branch:
        _git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}")


def _git(repo: Repository, *args: str) -> str:
    return run_git(args, cwd=repo.root, timeout_s=READ_LIMIT_S)
