"""How much output may be on its way to a browser."""

from __future__ import annotations

from collections.abc import Callable

#: Bytes that the browser has not acknowledged: full at the first number, with room again at the second.
ACKED = (512 * 1024, 384 * 1024)
#: Bytes that the socket has not sent, for browsers that acknowledge what they did not read.
SENT = (256 * 1024, 64 * 1024)


class Window:
    """Counts, and calls when it becomes full and when there is room again."""

    def __init__(self, *, on_full: Callable[[], None], on_room: Callable[[], None]) -> None:
        self._on_full = on_full
        self._on_room = on_room
        self._is_full = False
        self._unacked = 0
        self._unsent = 0

    def put(self, size: int) -> None:
        """So much was given to the socket."""
        self._unacked += size
        self._unsent += size
        if not self._is_full and (self._unacked >= ACKED[0] or self._unsent >= SENT[0]):
            self._is_full = True
            self._on_full()

    def sent(self, size: int) -> None:
        """The socket has sent so much."""
        self._unsent -= size
        self._look_for_room()

    def acknowledge(self, size: int) -> bool:
        """The browser has shown so much; False where that is more than it was given."""
        if not 0 <= size <= self._unacked:
            return False
        self._unacked -= size
        self._look_for_room()
        return True

    def _look_for_room(self) -> None:
        if self._is_full and self._unacked <= ACKED[1] and self._unsent <= SENT[1]:
            self._is_full = False
            self._on_room()
