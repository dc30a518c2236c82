"""The stack in the foreground: its supervisor runs beside a process that lives as long as it is wanted.

``python -m aios_app.stack.foreground`` starts it, shows what its programs log, and stays.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from aios_app.domain.errors import AiosError
from aios_app.settings import Settings, load
from aios_app.stack.directories import prepare_directories
from aios_app.stack.down import down
from aios_app.stack.processes import Record
from aios_app.stack.supervisor import NAME, default_programs
from aios_app.stack.up import up


def listen() -> int:
    """From now on SIGTERM, SIGHUP and Ctrl-C end nothing by themselves; ``stay`` reads of them here."""
    ours, wakeup = os.pipe()

    def wake(_number: int, _frame: FrameType | None) -> None:
        os.write(wakeup, b"x")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, wake)
    return ours


def stay(settings: Settings, told: int) -> bool:
    """Until a signal comes that ``listen`` hears, which ends the stack (True), or until its supervisor ends.

    Listen before the stack is started: what ends this process in between would leave the stack behind.
    """
    record = Record.read(settings.run_dir, NAME)
    if record is None:
        return False
    theirs = os.pidfd_open(record.process.pid)
    poll = select.poll()
    for descriptor in (theirs, told):
        poll.register(descriptor, select.POLLIN)
    is_told = any(descriptor == told for descriptor, _ in poll.poll())
    if is_told:
        down(settings)
    return is_told


@contextmanager
def _logs_shown(settings: Settings) -> Iterator[None]:
    """What the programs write from now on comes to standard output, too."""
    prepare_directories(settings)
    logs = [settings.logs_dir / f"{program.name}.log" for program in default_programs(settings, None)]
    for log in logs:
        log.touch()
    tail = subprocess.Popen(["tail", "-q", "-n", "0", "-F", *logs], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        tail.terminate()
        tail.wait()


def main() -> int:
    """The exit status: 0 after a signal, 4 where the stack did not start, or ended by itself."""
    os.umask(0o077)
    settings = load()
    told = listen()
    try:
        with _logs_shown(settings):
            up(settings)
            return 0 if stay(settings, told) else 4
    except AiosError as error:
        sys.stderr.write(f"{error}\n")
        return 4


if __name__ == "__main__":
    sys.exit(main())
