"""A push that is never forced, and what became of it."""

from __future__ import annotations

import re

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.person import Person, remedy, remote_words
from aios_app.git.runner import GitFailed, GitTimeout
from aios_app.git.scratch import Scratch
from aios_app.git.targets import Target, is_ancestor, push_address

#: What a remote says whose branch moved while the push was under way.
_RACED = (
    r"stale info|fetch first|non-fast-forward|failed to update ref|cannot lock ref|incorrect old value"
    r"|failed to lock|reference already exists"
)
#: Said before anything is sent.
_NEVER_BEGAN = (
    r"Permission denied|Authentication failed|could not read (Username|Password)|returned error: 40[13]"
    r"|Host key verification failed|does not appear to be a git repository|marked as read only"
    r"|Connection refused|Could not resolve host|No route to host"
)
_CUT_OFF = (
    r"hung up unexpectedly|unexpected disconnect|RPC failed|early EOF|Broken pipe|Connection (reset|closed)"
)
#: Git's status where it broke off; a hook that refuses has it end with 1.
_DIED = 128


class PushRaced(GitError):
    """The branch of the remote moved meanwhile: nothing was pushed."""


class PushRefused(GitError):
    """A hook, the remote or the way there refused: nothing was pushed."""


class PushUnknown(GitError):
    """Whether the push arrived is not known: ask the remote."""


def push(
    scratch: Scratch, target: Target, sha: str, expected: str, person: Person, *, timeout_s: float
) -> None:
    """Moves the remote's branch from ``expected`` on to ``sha``, and only from there and only forward.

    Raises ``PushRaced``, ``PushRefused`` or ``PushUnknown``, each with the remote's words.
    """
    if not is_ancestor(scratch.repo, expected, sha):
        raise ConflictError(f"{sha[:7]} does not contain {expected[:7]} of {target.name}: not pushed")
    # No lock is inherited: credential helpers outlive the push, and a late push meets the expected old value.
    options = ["--porcelain", "--no-follow-tags", f"--force-with-lease={target.ref}:{expected}"]
    try:
        person.run(
            ["push", *options, target.remote, f"{sha}:{target.ref}"],
            cwd=scratch.path,
            timeout_s=timeout_s,
            config=_address(scratch),
        )
    except GitTimeout as error:
        said = f"{target.remote} did not end the push within {timeout_s:g} s"
        raise PushUnknown(f"{said}: whether it arrived is not known") from error
    except GitFailed as error:
        raise _meaning(error, target) from error


def _address(scratch: Scratch) -> dict[str, str]:
    """A path that is relative to the person's checkout is written in full.

    Not where there are addresses for pushes alone: to them it would be one more.
    """
    if (scratch.repo.origin_url() or "").startswith("/"):
        return {}
    address = push_address(scratch.repo)
    args = ["config", "--default", "", "--get", "remote.origin.pushUrl"]
    has_own = bool(scratch.read(*args).strip())
    return {"remote.origin.pushUrl": address} if address.startswith("/") and not has_own else {}


def _meaning(error: GitFailed, target: Target) -> GitError:
    """The line of the one reference that was to be pushed decides, if it came to that."""
    words, name = "\n".join(filter(None, (remote_words(error), remedy(error)))), target.name
    status = next((line for line in error.stdout.splitlines() if f":{target.ref}\t" in line), "")
    reason = status.partition("\t[")[2]
    if status.startswith("!") and not reason.startswith("remote failure"):
        if re.search(_RACED, reason):
            return PushRaced(f"{name} moved meanwhile", words)
        return PushRefused(f"{name} refused the push", _with_reason(words, reason))
    if status or _is_cut_off(error):
        return PushUnknown(f"the push to {name} was cut off: whether it arrived is not known", words)
    return PushRefused(f"the push to {name} was refused", words)


def _is_cut_off(error: GitFailed) -> bool:
    if re.search(_NEVER_BEGAN, error.stderr):
        return False
    return error.status < 0 or error.status >= _DIED or bool(re.search(_CUT_OFF, error.stderr))


def _with_reason(words: str, reason: str) -> str:
    cause = reason.partition("(")[2].removesuffix(")")
    return words if cause in words else f"{words}\n{cause}"
