"""Requests beside the screen: in threads that keep nobody from leaving."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns, or raises. Whoever does not wait for it any more is not disturbed by it."""
    loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not done.done():
            set_it()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised again where it is waited for
            finish = _failing(done, error)
        else:
            finish = _finishing(done, result)
        with suppress(RuntimeError):  # the screen is gone
            loop.call_soon_threadsafe(settle, finish)

    threading.Thread(target=run, daemon=True).start()
    answer: T = await done
    return answer


def _finishing(done: asyncio.Future[T], result: T) -> Callable[[], None]:
    return lambda: done.set_result(result)


def _failing(done: asyncio.Future[T], error: Exception) -> Callable[[], None]:
    return lambda: done.set_exception(error)
