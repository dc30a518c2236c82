"""Where a person's branch is pushed, and the push: as they would type it, and never forced."""

from __future__ import annotations

from dataclasses import dataclass

from aios_app.domain.errors import ConflictError, ExternalError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.checkout import Checkout, commits
from aios_app.git.commits import told
from aios_app.git.person import Person, remote_words
from aios_app.git.runner import GitFailed, GitTimeout, run_git

#: Hooks and signing of a commit may take their time.
COMMIT_LIMIT_S = 600.0

_FIELDS = (
    "upstream:remotename",
    "upstream:remoteref",
    "upstream",
    "push:remotename",
)
#: Settings of ``push.default`` by which an upstream of another name is pushed to.
_TO_UPSTREAM = {"upstream", "tracking"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTarget:
    """The branch of a remote that a push goes to."""

    remote: str  #: empty: the repository has none
    branch: str
    tracking: str  #: the ref that holds what was last seen of it; empty: nothing was
    becomes_upstream: bool

    def __str__(self) -> str:
        return f"{self.remote}/{self.branch}"


def push_target(checkout: Checkout) -> PushTarget:
    """The upstream of the branch, else a branch of the same name on origin.

    Raises ``ConflictError`` where that leaves a choice, as git itself would.
    """
    remotes = _lines(checkout, "remote")
    if not remotes:
        return PushTarget(remote="", branch="", tracking="", becomes_upstream=False)
    remote, ref, tracking, push_remote = _upstream(checkout)
    if ref and remote != "." and push_remote == remote:
        _check_name(checkout, remote, ref.removeprefix("refs/heads/"))
        return PushTarget(
            remote=remote,
            branch=ref.removeprefix("refs/heads/"),
            tracking=tracking if _has(checkout, tracking) else "",
            becomes_upstream=False,
        )
    chosen = _choose(checkout, remotes, push_remote)
    tracking = f"refs/remotes/{chosen}/{checkout.branch}"
    return PushTarget(
        remote=chosen,
        branch=checkout.branch,
        tracking=tracking if _has(checkout, tracking) else "",
        becomes_upstream=not remote,
    )


def unpushed(checkout: Checkout, target: PushTarget) -> list[str]:
    """A line for each commit that the remote is not known to have."""
    if not checkout.head:
        return []
    excluded = ["--not", target.tracking] if target.tracking else ["--not", f"--remotes={target.remote}"]
    return commits(checkout, "HEAD", *(excluded if target.remote else []))


def commit_everything(
    checkout: Checkout, message: str, person: Person, *, is_empty_allowed: bool = False
) -> str:
    """The commit of all that is uncommitted; empty where that comes to nothing, such as other line ends."""
    person.run(["add", "--all"], cwd=checkout.root, timeout_s=COMMIT_LIMIT_S)
    options = ["--allow-empty"] if is_empty_allowed else []
    try:
        person.run(
            ["commit", "--quiet", *options, "-m", message], cwd=checkout.root, timeout_s=COMMIT_LIMIT_S
        )
    except GitFailed as error:
        if "nothing to commit" in error.stdout:
            return ""
        raise
    return head_of(checkout)


def head_of(checkout: Checkout) -> str:
    """The commit that is checked out by now."""
    return _lines(checkout, "rev-parse", "HEAD")[0]


def commit_line(checkout: Checkout, sha: str) -> str:
    """``commit a81f2c3 "fix the login redirect" (signed)``."""
    return told(checkout.repo, sha)


def push(checkout: Checkout, target: PushTarget, person: Person, *, timeout_s: float) -> None:
    """Pushes what is checked out.

    Raises ``ConflictError`` where the remote has commits that the branch has not, else ``ExternalError`` with
    the words of the remote or of a hook.
    """
    upstream = ["--set-upstream"] if target.becomes_upstream else []
    args = ["push", *upstream, "--", target.remote, f"HEAD:refs/heads/{target.branch}"]
    try:
        person.run(args, cwd=checkout.root, timeout_s=timeout_s)
    except GitTimeout as error:
        raise ExternalError(
            f"{target.remote} did not answer within {timeout_s:g} s, so it is not known whether it has"
            f" the commits; here they stay: aios push again"
        ) from error
    except GitError as error:
        raise _refusal(target, error) from error


def _refusal(target: PushTarget, error: GitError) -> Exception:
    if any(words in error.stderr for words in ("(fetch first)", "(non-fast-forward)")):
        return ConflictError(
            f"{target} has commits that are not here: git pull --rebase {target.remote} {target.branch},"
            " then aios push. Nothing was forced, and what was committed stays here"
        )
    remedy = [line for line in str(error).splitlines() if line.startswith("to mend it: ")]
    words = "\n".join([remote_words(error), *remedy])
    return ExternalError(f"{target} did not take it, what was committed stays here", words)


def _upstream(checkout: Checkout) -> list[str]:
    """The fields, each empty where git knows nothing; of a branch without a commit all are."""
    template = "%00".join(f"%({field})" for field in _FIELDS)
    ref = f"refs/heads/{checkout.branch}"
    rows = _lines(checkout, "for-each-ref", f"--format=%(refname)%00{template}", ref)
    found = next((row.split("\0")[1:] for row in rows if row.startswith(f"{ref}\0")), [])
    return found or [""] * len(_FIELDS)


def _check_name(checkout: Checkout, remote: str, branch: str) -> None:
    if branch == checkout.branch or _setting(checkout, "push.default") in _TO_UPSTREAM:
        return
    raise ConflictError(
        f"{checkout.branch} follows {remote}/{branch}, another name: to push there git push {remote}"
        f" HEAD:{branch}, to have {remote}/{checkout.branch} made git branch --unset-upstream and aios push"
    )


def _choose(checkout: Checkout, remotes: list[str], push_remote: str) -> str:
    wanted = [name for name in (push_remote, "origin") if name in remotes]
    if not wanted and len(remotes) > 1:
        raise ConflictError(
            f"{checkout.root} has several remotes ({', '.join(remotes)}) and none is origin:"
            f" git push --set-upstream REMOTE {checkout.branch} once"
        )
    return (wanted or remotes)[0]


def _has(checkout: Checkout, ref: str) -> bool:
    return bool(ref) and bool(_lines(checkout, "for-each-ref", "--format=%(refname)", ref))


def _setting(checkout: Checkout, key: str) -> str:
    return "".join(_lines(checkout, "config", "--default", "", "--get", key))


def _lines(checkout: Checkout, *args: str) -> list[str]:
    output = run_git(args, cwd=checkout.root, timeout_s=READ_LIMIT_S)
    return [line for line in output.split("\n") if line]
