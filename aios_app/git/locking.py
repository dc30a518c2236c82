"""Waiting for a lock that another git or AIOS holds, but not for ever."""

from __future__ import annotations

import fcntl
import time

from aios_app.domain.errors import GitError

#: How often one that waits looks: a lock has neither a deadline nor an event of its own.
_LOOK_S = 0.05


def wait_for_lock(descriptor: int, deadline: float, trouble: str) -> None:
    """Returns with the lock of this open file; ``GitError`` with ``trouble`` past the deadline.

    ``deadline`` is a time of ``time.monotonic``.
    """
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise GitError(trouble) from error
            time.sleep(_LOOK_S)
        else:
            return
