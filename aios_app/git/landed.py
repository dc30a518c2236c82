"""Whether a branch's work is in another one, also where it came in by a squash or a rebase elsewhere."""

from __future__ import annotations

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.runner import GitFailed, GitTimeout, run_git
from aios_app.git.targets import is_ancestor

#: Patches are compared one by one: what takes longer than this counts as not landed.
_COMPARE_LIMIT_S = 30
#: The stand-in for a squash is the same object each time, and nothing refers to it.
_STAND_IN = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "AIOS", "EMAIL": "aios@localhost", "DATE": "2000-01-01T00:00:00Z"}.items()
}


def is_landed(repo: Repository, source_sha: str, base_sha: str) -> bool:
    """Whether ``base_sha`` has all that ``source_sha`` has.

    As an ancestor, or because a merge would change nothing, or each commit's patch is there, or one commit
    there is the patch of all of them. In doubt it is not.
    """
    if is_ancestor(repo, source_sha, base_sha):
        return True
    try:
        return _changes_nothing(repo, source_sha, base_sha) or _is_patched(repo, source_sha, base_sha)
    except GitTimeout:
        return False


def _changes_nothing(repo: Repository, source: str, base: str) -> bool:
    try:
        merged = _read(repo, "merge-tree", "--write-tree", "--no-messages", base, source)
    except GitTimeout:
        raise
    except GitError:  # a conflict, or a git before 2.38
        return False
    return merged == _read(repo, "rev-parse", f"{base}^{{tree}}")


def _is_patched(repo: Repository, source: str, base: str) -> bool:
    fork = _fork(repo, source, base)
    if not fork:
        return False
    has_merges = _read(repo, "rev-list", "--merges", "--max-count=1", f"{base}..{source}", "--")
    if not has_merges and _has_patches(repo, source, base):
        return True
    args = ["commit-tree", f"{source}^{{tree}}", "-p", fork, "-m", "squash"]
    squash = run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S, env=_STAND_IN).strip()
    return _has_patches(repo, squash, base)


def _has_patches(repo: Repository, source: str, base: str) -> bool:
    lines = _read(repo, "cherry", base, source).splitlines()
    return bool(lines) and all(line.startswith("-") for line in lines)


def _fork(repo: Repository, source: str, base: str) -> str:
    """Where the two parted; empty: nowhere."""
    try:
        return _read(repo, "merge-base", source, base)
    except GitFailed as error:
        if error.status != 1:
            raise
        return ""


def _read(repo: Repository, *args: str) -> str:
    return run_git(args, cwd=repo.git_dir, timeout_s=_COMPARE_LIMIT_S).strip()
