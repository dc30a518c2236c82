"""``python -m aios_app.stack.guard NAME [--after SOCKET] -- PROGRAM...``: one program, once per instance.

Takes ``<run_dir>/NAME.lock``, which the program inherits, so that it is held exactly as long as the program
lives. A holder that an earlier, dead supervisor left behind is ended first. With ``--after`` the program
begins only once the Redis server behind that socket answers. ``python`` as the program is the guard's own.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from aios_app import settings as settings_module
from aios_app.stack import processes
from aios_app.stack.locks import lock_within, open_lock, try_lock
from aios_app.stack.waiting import tries

#: ``EX_TEMPFAIL``: the place is taken; a later try may succeed.
EXIT_BUSY = 75
_GRACE_S = 10.0
#: For what an orphan leaves behind with the lock, and for a holder that has not written its record yet.
_SETTLE_S = 2.0
_REDIS_WAIT_S = 20.0
_PRIVATE_PREFIXES = ("AIOS_STACK_", "SUPERVISOR_")


def main(arguments: Sequence[str] | None = None) -> None:
    """Replaces this process by the program, or exits with ``EXIT_BUSY`` and a line that says why."""
    asked, program = _parse(sys.argv[1:] if arguments is None else arguments)
    program[0] = sys.executable if program[0] == processes.PYTHON else program[0]
    run_dir = settings_module.load().run_dir
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = _take(run_dir, asked.name)
    own = processes.record(asked.name, os.getpid(), program)
    if own is None:
        sys.exit(EXIT_BUSY)
    own.write(run_dir)
    if asked.after and not _answers_within(asked.after, _REDIS_WAIT_S):
        _exit_busy(f"{asked.name}: Redis does not answer on {asked.after}")
    os.set_inheritable(descriptor, True)
    environment = settings_module.environment_without(*_PRIVATE_PREFIXES)
    os.execvpe(program[0], program, environment)  # noqa: S606 - no shell is what is wanted


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    divider = list(arguments).index("--")
    parser = argparse.ArgumentParser(prog="guard")
    parser.add_argument("name")
    parser.add_argument("--after", type=Path)
    return parser.parse_args(arguments[:divider]), list(arguments[divider + 1 :])


def _take(run_dir: Path, name: str) -> int:
    descriptor = open_lock(run_dir / f"{name}.lock")
    if try_lock(descriptor):
        return descriptor
    holder = processes.Record.read(run_dir, name)
    if holder is not None and holder.process.is_alive:
        if holder.parent.is_alive:
            _exit_busy(f"{name} runs already, pid {holder.process.pid}: aios down ends it")
        processes.end_process(holder.process, grace_s=_GRACE_S)
    if not lock_within(descriptor, _SETTLE_S):
        _exit_busy(f"{name}: an unknown process holds {run_dir / name}.lock: see fuser")
    return descriptor


def _exit_busy(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.exit(EXIT_BUSY)


def _answers_within(path: Path, deadline_s: float) -> bool:
    return any(_answers(path) for _ in tries(deadline_s))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


if __name__ == "__main__":
    main()
