"""One folder for each of several containers that share a volume: the first that no other one holds.

A container that was restarted finds the folder of its predecessor, with worktrees, machine id and
conversations: where the lock is free, whoever held it has ended.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from aios_app.stack.locks import open_lock, try_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A folder that is held as long as ``descriptor`` is open here or in a process that inherited it."""

    number: int
    folder: Path
    descriptor: int


def claim(root: Path) -> Claim:
    """Takes the first free folder of ``root/1``, ``root/2`` and on, made where there is none yet."""
    for number in count(1):
        folder = root / str(number)
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = open_lock(root / f"{number}.lock")
        if try_lock(descriptor):
            os.set_inheritable(descriptor, True)
            return Claim(number=number, folder=folder, descriptor=descriptor)
        os.close(descriptor)
    raise AssertionError  # numbers do not end
