"""Requests under way, for a stop that cuts none of them off."""

from __future__ import annotations

import asyncio


class Pending:
    """Counts the blocks that are being run; belongs to one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def __enter__(self) -> None:
        self._count += 1
        self._is_idle.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0:
            self._is_idle.set()

    async def is_over(self, deadline_s: float) -> bool:
        """Waits until none is under way; False where that takes longer."""
        try:
            await asyncio.wait_for(self._is_idle.wait(), deadline_s)
        except TimeoutError:
            return False
        return True
