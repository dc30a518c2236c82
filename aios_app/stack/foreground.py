"""The stack in the foreground: its supervisor runs beside a process that lives as long as it is wanted.

``python -m aios_app.stack.foreground`` starts it and stays.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType

from aios_app.domain.errors import AiosError
from aios_app.settings import Settings, load
from aios_app.stack.down import down
from aios_app.stack.processes import Record
from aios_app.stack.supervisor import NAME
from aios_app.stack.up import up


def stay(settings: Settings) -> bool:
    """Until SIGTERM or Ctrl-C, which end the stack (True), or until its supervisor ends (False)."""
    record = Record.read(settings.run_dir, NAME)
    if record is None:
        return False
    theirs = os.pidfd_open(record.process.pid)
    ours, wakeup = os.pipe()

    def wake(_number: int, _frame: FrameType | None) -> None:
        os.write(wakeup, b"x")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, wake)
    poll = select.poll()
    for descriptor in (theirs, ours):
        poll.register(descriptor, select.POLLIN)
    is_told = any(descriptor == ours for descriptor, _ in poll.poll())
    if is_told:
        down(settings)
    return is_told


def main() -> int:
    """The exit status: 0 after a signal, 4 where the stack did not start, or ended by itself."""
    os.umask(0o077)
    try:
        up(load())
        return 0 if stay(load()) else 4
    except AiosError as error:
        sys.stderr.write(f"{error}\n")
        return 4


if __name__ == "__main__":
    sys.exit(main())
