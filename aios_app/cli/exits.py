"""The exit codes, and which error ends with which."""

from __future__ import annotations

from aios_app.domain.errors import AiosError

DONE = 0
FAILED = 1  #: some of it failed; also the time-out of ``wait`` and an answer of no
USAGE = 2  #: wrong usage, nothing touched
CONFLICT = 3  #: refused to protect something, or an answer was needed
EXTERNAL = 4  #: an outside program failed, or AIOS itself
INTERRUPTED = 130

_BY_KIND = {"usage": USAGE, "conflict": CONFLICT}


def code_of(error: AiosError) -> int:
    """The exit code that the error's kind asks for."""
    return _BY_KIND.get(error.kind, EXTERNAL)
