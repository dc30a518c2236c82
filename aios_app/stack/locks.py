"""Locks on files: the kernel drops them when their last holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aios_app.domain.errors import InstanceBusy
from aios_app.stack.waiting import tries


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, not locked yet and not inherited; closing it drops the lock."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int) -> bool:
    """Whether the lock is held by this descriptor now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(descriptor: int, deadline_s: float) -> bool:
    """Like ``try_lock``, until it succeeds or the time is over."""
    return any(try_lock(descriptor) for _ in tries(deadline_s))


def is_held(path: Path) -> bool:
    """Whether some process holds the lock. A taker at this very moment must try twice."""
    if not path.exists():
        return False
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def exclusive(path: Path, *, deadline_s: float) -> Iterator[None]:
    """Holds the lock inside the block; raises ``InstanceBusy`` when another holds it for too long."""
    descriptor = open_lock(path)
    try:
        if not lock_within(descriptor, deadline_s):
            raise InstanceBusy(f"another aios up or down is at work on {path.parent.parent}: try again")
        yield
    finally:
        os.close(descriptor)
