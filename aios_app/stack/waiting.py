"""Waiting with a deadline, for what gives no event of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.2


def tries(deadline_s: float) -> Iterator[None]:
    """Yields at once, then with growing pauses, a last time at the deadline; ends after it."""
    end = time.monotonic() + deadline_s
    pause = _FIRST_PAUSE_S
    yield
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        yield
