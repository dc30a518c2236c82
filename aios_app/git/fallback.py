"""Fetching where SSH finds no key or no way: the same repository by HTTPS, for good once that has worked."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aios_app.domain.errors import GitError
from aios_app.git.https_twin import https_twin
from aios_app.git.location import Repository
from aios_app.git.runner import GitFailed, first_words, run_git

_log = logging.getLogger(__name__)

_READ_LIMIT_S = 10
#: Nothing beside origin's own branches and tags is touched.
FETCH_OPTIONS = ("--quiet", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
#: A week; in memory only.
_HELPER = "cache --timeout=604800"
#: What OpenSSH, and git itself, say where there is no key or no way.
_REFUSED = re.compile(
    r"Permission denied \("
    r"|Too many authentication failures"
    r"|No supported authentication methods"
    r"|Host key verification failed"
    r"|^ssh: connect to host .* port \d+: "
    r"|^ssh: Could not resolve hostname"
    r"|^(kex_exchange_identification|banner exchange|ssh_exchange_identification): "
    r"|^Connection (to .* timed out|closed by|reset by|timed out during banner exchange)"
    r"|^(error|fatal): cannot run .*: No such file or directory"
    r"|^\S*ssh\S*: (command )?not found$",
    re.MULTILINE,
)
#: Somebody may be in between: for the person to look at, and not a thing to get around.
_CHANGED_KEY = "REMOTE HOST IDENTIFICATION HAS CHANGED"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """From an SSH address to its twin."""

    url: str  #: as configured
    fetched_from: str  #: as the person's ``insteadOf`` rules make it
    twin: str


def fetch_with_fallback(
    repo: Repository,
    *,
    timeout_s: float,
    options: Sequence[str] = FETCH_OPTIONS,
    refspecs: Sequence[str] = (),
    run: Callable[..., str] = run_git,
    is_allowed: bool = True,
) -> str:
    """Fetches origin, by HTTPS where SSH finds no key or no way; returns what a person must know of that.

    Only once HTTPS has worked is origin's address changed, and a memory for passwords set where there was
    none. ``timeout_s`` is the limit of both ways together. Raises ``GitError`` where none worked; nothing is
    changed then. Without ``refspecs`` those of the remote count. Where it is not allowed it is a plain fetch.
    """
    deadline = time.monotonic() + timeout_s
    try:
        run(["fetch", *options, "origin", *refspecs], cwd=repo.root, timeout_s=timeout_s)
    except GitFailed as error:
        move = _move(repo) if is_allowed and is_refusal(error) else None
        if move is None:
            raise
        left_s = max(deadline - time.monotonic(), 1)
        try:
            run(
                ["fetch", *options, move.twin, *(refspecs or _values(repo, "remote.origin.fetch"))],
                cwd=repo.root,
                timeout_s=left_s,
            )
        except GitError as second:
            raise _both(error, second, move) from second
        return _keep(repo, move, first_words(error))
    return ""


def is_refusal(error: GitFailed) -> bool:
    """Whether SSH found no key or no way, by its own words."""
    return _REFUSED.search(error.stderr) is not None and _CHANGED_KEY not in error.stderr


def _move(repo: Repository) -> _Move | None:
    """None where HTTPS is no way either, or the person's own rules lead it back to SSH."""
    urls = _values(repo, "remote.origin.url", "--local")
    if len(urls) != 1:
        return None
    fetched_from = _ask(repo, "remote", "get-url", "origin")
    twin = https_twin(fetched_from, _ssh(repo))
    if twin is None or not _ask(repo, "ls-remote", "--get-url", twin).startswith("https://"):
        return None
    return _Move(url=urls[0], fetched_from=fetched_from, twin=twin)


def _keep(repo: Repository, move: _Move, refusal: str) -> str:
    """The address is changed last: what a crash leaves before it is harmless, and made again."""
    try:
        if not _ask(repo, "config", "--get-urlmatch", "credential.helper", move.twin):
            _set(repo, "credential.helper", _HELPER)
            _log.warning("%s: git keeps the passwords of this repository for a week, in memory", repo.root)
        _keep_push_address(repo, move)
        _set(repo, "remote.origin.url", move.twin)
    except GitError as error:
        _log.warning("%s: fetched from %s, which could not be kept: %s", repo.root, move.twin, error)
        return f"fetched from {move.twin}, as SSH fails; its address could not be kept ({first_words(error)})"
    _log.warning("%s: origin is %s from now on and was %s: %s", repo.root, move.twin, move.url, refusal)
    return f"origin is {move.twin} from now on, as SSH fails ({refusal})"


def _keep_push_address(repo: Repository, move: _Move) -> None:
    """Where a ``pushInsteadOf`` rule led pushes elsewhere, they go on going there."""
    pushed_to = _ask(repo, "remote", "get-url", "--push", "origin")
    if pushed_to != move.fetched_from and not _values(repo, "remote.origin.pushurl"):
        _set(repo, "remote.origin.pushurl", pushed_to)


def _both(first: GitFailed, second: GitError, move: _Move) -> GitFailed:
    words = f"{first_words(first)}; {move.twin}: {first_words(second)}"
    return GitFailed(str(first.args[0]), f"{words}\n{first.stderr}{second.stderr}", status=first.status)


def _ssh(repo: Repository) -> list[str]:
    """The person's own ssh, as git would call it: a command is text for their shell."""
    command = os.environ.get("GIT_SSH_COMMAND") or _ask(repo, "config", "core.sshCommand")
    if command:
        return ["/bin/sh", "-c", f'{command} "$@"', command]
    return [os.environ.get("GIT_SSH") or "ssh"]


def _values(repo: Repository, key: str, *scope: str) -> list[str]:
    return _ask(repo, "config", *scope, "--get-all", key).splitlines()


def _ask(repo: Repository, *args: str) -> str:
    """What git answers; empty where it has no answer."""
    try:
        return run_git(args, cwd=repo.git_dir, timeout_s=_READ_LIMIT_S).removesuffix("\n")
    except GitFailed:
        return ""


def _set(repo: Repository, key: str, value: str) -> None:
    run_git(["config", "--local", key, value], cwd=repo.git_dir, timeout_s=_READ_LIMIT_S)
