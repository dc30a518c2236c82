"""Git as the person has it: identity, signing, hooks, credential helpers and the agent of their SSH keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from aios_app.domain.errors import GitError
from aios_app.domain.landing import PERSON_VARIABLES
from aios_app.git.runner import GitFailed, run_git

#: No editor opens, as there is no one in front of it.
_NO_EDITOR = {"GIT_EDITOR": "true", "GIT_SEQUENCE_EDITOR": "true", "GIT_MERGE_AUTOEDIT": "no"}
#: Nothing that outlives the command: a monitor or a maintenance would hold its locks and descriptors.
_NO_DAEMONS = {"core.fsmonitor": "false", "maintenance.auto": "false", "gc.auto": "0"}
_NO_HOOKS = {"core.hooksPath": "/dev/null"}
#: What git's helpers say, and the command that lets them go on; the first that fits.
_MENDS = (
    (
        r"error: gpg failed to sign|secret key not available|Inappropriate ioctl for device",
        "echo | gpg --clearsign >/dev/null",
    ),
    (
        r"passphrase supplied|Couldn't (load|find|sign|get agent)|No private key found"
        r"|Permission denied \(publickey|Load key .*(invalid format|error in libcrypto)",
        "ssh-add",
    ),
    (
        r"could not read (Username|Password)|Authentication failed",
        "give git a credential helper (git help credentials), then git fetch there once by hand",
    ),
    (r"Please tell me who you are|empty ident name", 'git config --global user.email "you@example.com"'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """How commits and pushes run: with what of the person's terminal, and with their hooks or without."""

    environment: Mapping[str, str] = field(default_factory=dict)  #: of it ``PERSON_VARIABLES`` are taken
    has_hooks: bool = True

    def without_hooks(self) -> Self:
        return replace(self, has_hooks=False)

    def run(
        self,
        args: Sequence[str],
        *,
        cwd: Path,
        timeout_s: float,
        keep_open: Sequence[int] = (),
        config: Mapping[str, str] = MappingProxyType({}),
        with_remarks: bool = False,
    ) -> str:
        """As ``run_git``. What a passphrase or an identity is missing for says at its end what mends it."""
        env = {name: value for name, value in self.environment.items() if name in PERSON_VARIABLES}
        try:
            return run_git(
                args,
                cwd=cwd,
                timeout_s=timeout_s,
                env=env | _NO_EDITOR,
                reading=False,
                keep_open=keep_open,
                with_remarks=with_remarks,
                config=_NO_DAEMONS | ({} if self.has_hooks else _NO_HOOKS) | dict(config),
            )
        except GitFailed as error:
            mends = remedy(error)
            if not mends:
                raise
            words = error.stderr.strip()
            raise GitFailed(
                f"{error.args[0]}: {words}\n{mends}", words, error.stdout, error.status
            ) from error


def remote_words(error: GitError) -> str:
    """What the other side said, line by line, without git's own remarks; else all that git said."""
    lines = [line.rstrip() for line in error.stderr.splitlines() if line.strip()]
    theirs = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    return "\n".join(filter(None, theirs)) or "\n".join(lines) or str(error.args[0])


def remedy(error: GitFailed) -> str:
    """The line that mends a passphrase or an identity that is missing; else empty."""
    found = (command for words, command in _MENDS if re.search(words, error.stderr))
    return next((f"to mend it: {command}" for command in found), "")
