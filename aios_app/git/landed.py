"""Whether a branch's work is in another one, also where it came in by a squash or a rebase elsewhere."""

from __future__ import annotations

from aios_app.domain.errors import GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.runner import GitFailed, GitTimeout, run_git
from aios_app.git.targets import is_ancestor

#: Patches are compared one by one: what takes longer than this counts as not landed.
_COMPARE_LIMIT_S = 30
#: With these a stand-in is the same object each time, so that they do not pile up.
_NOBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "AIOS", "EMAIL": "aios@localhost", "DATE": "2000-01-01T00:00:00Z"}.items()
}


def is_landed(repo: Repository, source_sha: str, base_sha: str) -> bool:
    """Whether ``base_sha`` has all that ``source_sha`` has.

    As an ancestor, or because a merge would change nothing, or each commit's patch is there, or one commit
    there is the patch of all of them, and none takes all of it back. In doubt it is not.
    """
    try:
        return _is_landed(repo, source_sha, base_sha)
    except GitTimeout:
        return False


def fork_of(repo: Repository, source: str, base: str) -> str:
    """Where the two parted; empty: nowhere."""
    try:
        return _read(repo, "merge-base", source, base)
    except GitFailed as error:
        if error.status != 1:
            raise
        return ""


def brought_along(
    repo: Repository, source_sha: str, begun_at: str, base_sha: str, *, is_unpushed: bool = False
) -> list[str]:
    """``3f2a9c1 subject`` of what came into the branch with the commit that it began at, newest first.

    Only what ``base_sha`` does not have: with the branch's own work it would come there too. Of that with
    ``is_unpushed`` what no branch of a remote has.
    """
    if is_ancestor(repo, begun_at, base_sha):
        return []
    fork = fork_of(repo, source_sha, begun_at)
    if not fork:
        return []
    known = ["--not", base_sha, *(["--remotes"] if is_unpushed else [])]
    args = ["log", "--no-decorate", "--no-show-signature", "--format=%h %s", fork, *known, "--"]
    return _read(repo, *args).splitlines()


def _is_landed(repo: Repository, source: str, base: str) -> bool:
    """With as few questions as it takes: a line of landings asks this of each."""
    words = (f"{base}^{{tree}}", f"{source}^{{tree}}", f"{base}...{source}")
    base_tree, source_tree, *commits = _read(repo, "rev-parse", *words).splitlines()
    fork = next((line[1:] for line in commits if line.startswith("^")), "")
    if not fork or fork == source:
        return bool(fork)
    if fork == base:
        return source_tree == base_tree
    if _merged_tree(repo, source, base) == base_tree:
        return True
    return _is_touched(repo, source, base, fork) and _is_patched(repo, source, base, fork)


def _merged_tree(repo: Repository, source: str, base: str) -> str:
    """Empty where they conflict, or with a git before 2.38."""
    try:
        return _read(repo, "merge-tree", "--write-tree", "--no-messages", base, source)
    except GitTimeout:
        raise
    except GitError:
        return ""


def _is_touched(repo: Repository, source: str, base: str, fork: str) -> bool:
    """Whether a commit of the base changes the first of the files that the work changes.

    Else none there is the patch of all, and of at least one commit of the work the patch is not there.
    """
    names = _read(repo, "diff-tree", "-r", "-z", "--name-only", "--no-renames", fork, source).split("\0")
    path = f":(top,literal){names[0]}"
    span = ["--no-merges", "--full-history", "--max-count=1", base, f"^{source}", "--", path]
    return not names[0] or bool(_read(repo, "rev-list", *span))


def _is_patched(repo: Repository, source: str, base: str, fork: str) -> bool:
    """By one commit with the patch of all, or by each one's; not where the patch of all was taken back."""
    whole = _stand_in(repo, source, fork)
    is_there, is_taken_back = _has_patches(repo, _stand_in(repo, fork, whole), base)
    if is_there or is_taken_back:
        return not is_taken_back
    if _read(repo, "rev-list", "--merges", "--max-count=1", f"{base}..{source}", "--"):
        return False
    return all(_has_patches(repo, source, base))


def _stand_in(repo: Repository, tree_of: str, parent: str) -> str:
    """A commit that no reference leads to."""
    args = ["commit-tree", f"{tree_of}^{{tree}}", "-p", parent, "-m", "stand-in"]
    return run_git(args, cwd=repo.git_dir, timeout_s=READ_LIMIT_S, env=_NOBODY).strip()


def _has_patches(repo: Repository, source: str, base: str) -> list[bool]:
    """Of each commit that ``base`` has not, oldest first, whether ``base`` has its patch."""
    rows = [line.split(" ") for line in _read(repo, "cherry", base, source).splitlines()]
    if not any(mark == "-" for mark, _ in rows):
        return [False] * len(rows)
    alike = _read(repo, "rev-list", "--cherry-mark", "--right-only", f"{source}...{base}", "--").splitlines()
    there = {_patch(repo, line[1:]) for line in alike if line.startswith("=")}
    return [mark == "-" and _patch(repo, sha) in there for mark, sha in rows]


def _patch(repo: Repository, sha: str) -> str:
    """The commit's patch wherever it applies; git compares patches without their blanks, which may be all."""
    text = _read(repo, "diff-tree", "-p", "--no-ext-diff", "--no-textconv", f"{sha}^!", "--")
    return "\n".join(line for line in text.split("\n") if not line.startswith(("index ", "@@ ")))


def _read(repo: Repository, *args: str) -> str:
    return run_git(args, cwd=repo.git_dir, timeout_s=_COMPARE_LIMIT_S).strip()
