"""Threads for tasks that take minutes: the queue's own threads are for those that end at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from aios_app.spool.person_command import end_own_commands

logger = logging.getLogger(__name__)

#: Landings at once, each onto another branch.
LANDINGS = 8
#: Checks of finished jobs at once: each may take all of the machine.
CHECKS = 2
#: Seconds that each pool has for what is at work when the worker stops.
GRACE_S = 3.0


class LongTasks:
    """Runs calls in threads of its own, at most ``size`` at once, in the order in which they were started.

    Each call must be one that can begin again: the end of the process cuts it off. Safe for several threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition()
        self._keys: set[str] = set()
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._threads = 0
        self._is_stopping = False

    def start(self, key: str, call: Callable[[], object]) -> bool:
        """Calls ``call`` once a thread is free. False: that key is at work or waits, or all is stopping."""
        with self._changed:
            if self._is_stopping or key in self._keys:
                return False
            self._keys.add(key)
            self._waiting.append((key, call))
            if self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._work, name="long-task", daemon=True).start()
        return True

    def stop(self, grace_s: float) -> bool:
        """Begins nothing more, and waits for what is at work; False: it took longer than that."""
        deadline = time.monotonic() + grace_s
        with self._changed:
            self._is_stopping = True
            while self._threads and (left_s := deadline - time.monotonic()) > 0:
                self._changed.wait(left_s)
            return self._threads == 0

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            key, call = taken
            try:
                call()
            except Exception:
                logger.exception("long task failed", extra={"key": key})
            finally:
                with self._changed:
                    self._keys.discard(key)

    def _next(self) -> tuple[str, Callable[[], object]] | None:
        """What to do next; None ends the thread."""
        with self._changed:
            if self._waiting and not self._is_stopping:
                return self._waiting.popleft()
            self._threads -= 1
            self._changed.notify_all()
            return None


class Pools:
    """The long tasks of one worker: a check that takes its time keeps no landing from its turn."""

    def __init__(self) -> None:
        self.landings = LongTasks(LANDINGS)
        self.checks = LongTasks(CHECKS)

    def stop(self) -> bool:
        """As ``LongTasks.stop``, of all; the persons' commands that they run are ended."""
        pools = (self.landings, self.checks)
        for pool in pools:
            pool.stop(0)
        end_own_commands()
        stopped = [pool.stop(GRACE_S) for pool in pools]
        return all(stopped)
