"""Run a command of the person's as their terminal would, but bounded: its time, its output, its processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from aios_app.domain.errors import ExternalError
from aios_app.settings import environment_without
from aios_app.spool.bounded_log import BoundedLog
from aios_app.spool.launch import login_shell

#: A group that must end gets SIGTERM, so that it may tidy up, and SIGKILL this much later.
_GRACE_S = 2.0
#: The usual one: the files that a command makes are the person's.
_UMASK = 0o022
_NAME = "aios-command"
_BEGIN = b"\0AIOS-BEGIN\0"
#: Start-up files skip much for a terminal that can do nothing; the command itself has none.
_TERMINAL = {"TERM": "xterm-256color"}
#: What the start-up files of the shell say is not the command's.
_SCRIPT = """TERM=dumb; export TERM
printf '\\0AIOS-BEGIN\\0'
cd "$2" || exit 112
trap : TERM
/bin/sh -c "$3"
exit $?"""
_CHUNK_BYTES = 1 << 16
#: What a pipe holds when its writer is gone.
_LAST_CHUNKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command came to its end."""

    status: int  #: negative: the signal that ended it
    is_late: bool  #: it was ended at its time limit
    duration_ms: int


class CutOff(ExternalError):
    """The command was ended from outside."""


def run_command(
    command: str,
    *,
    shell: str,
    cwd: Path,
    variables: Mapping[str, str],
    limit_s: float,
    log: BoundedLog,
) -> Ended:
    """Runs shell text of the person's through their login shell ``shell``; returns once it has ended.

    A command that this function, or a killed process, began in the same directory is ended first. It has no
    input, no terminal, and a process group of its own of which nothing is left in the end. Raises ``CutOff``
    where ``end_command`` has ended it, and ``ExternalError`` where it cannot be started.
    """
    end_command(cwd)
    started_s = time.monotonic()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb", buffering=0) as output:
        try:
            process = _start(_argv(command, shell, cwd), cwd, variables, writer)
        finally:
            os.close(writer)
        try:
            is_late = _follow(process, _Output(output.fileno(), log), limit_s)
        finally:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        duration_ms = round((time.monotonic() - started_s) * 1000)
    if process.returncode == -signal.SIGKILL and not is_late:
        raise CutOff
    return Ended(status=process.returncode, is_late=is_late, duration_ms=duration_ms)


def end_command(cwd: Path) -> None:
    """Ends the command that ``run_command`` runs, or an earlier process left running, in this directory."""
    mark = _mark(cwd)
    for process in psutil.process_iter():
        if _mark_of(process) == mark:
            _end_leader(process, mark)


def end_own_commands() -> None:
    """Ends all that this process runs by ``run_command``."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children():
            if mark := _mark_of(child):
                _end_leader(child, mark)


def _end_leader(leader: psutil.Process, mark: str) -> None:
    """Waits without reaping: it may be a child of this process, of whose end another thread wants to know."""
    try:
        descriptor = os.pidfd_open(leader.pid)
    except ProcessLookupError:
        return
    try:
        if _mark_of(leader) == mark:  # it is still this one that has the pid
            _signal_group(leader.pid, signal.SIGKILL)
            select.select([descriptor], [], [], _GRACE_S)
    finally:
        os.close(descriptor)


def _argv(command: str, shell: str, cwd: Path) -> list[str]:
    """The session's first process keeps these words, by which a successor of ours finds it."""
    return [*login_shell(shell), "/bin/sh", "-c", _SCRIPT, _NAME, _mark(cwd), str(cwd), command]


def _mark(cwd: Path) -> str:
    return hashlib.sha256(os.fsencode(cwd)).hexdigest()[:24]


def _mark_of(process: psutil.Process) -> str:
    """The mark of a command's first process; empty for all others."""
    try:
        words = process.cmdline()
        if _NAME in words[:-1] and os.getsid(process.pid) == process.pid:
            return words[words.index(_NAME) + 1]
    except (psutil.Error, OSError):
        pass
    return ""


def _start(argv: list[str], cwd: Path, variables: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment_without("AIOS_", "TMUX") | _TERMINAL | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=_UMASK,
        )
    except OSError as error:
        what = f"{cwd} is gone" if not cwd.is_dir() else f"{argv[0]} cannot be started ({error.strerror})"
        raise ExternalError(what) from error


class _Output:
    """The command's output on its way into the log, once the shell's start-up files are done."""

    def __init__(self, descriptor: int, log: BoundedLog) -> None:
        self.descriptor = descriptor
        self._log = log
        self._before = b""
        self._has_begun = False

    def take(self) -> bool:
        """Takes what is there; False where there is nothing, or nothing will come any more."""
        try:
            data = os.read(self.descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if self._has_begun:
            self._log.write(data)
        else:
            self._await_begin(data)
        return bool(data)

    def take_last(self) -> None:
        """Takes the rest; where the command never began the start-up files may say why."""
        for _ in range(_LAST_CHUNKS):
            if not self.take():
                break
        if not self._has_begun:
            self._log.write(self._before)

    def _await_begin(self, data: bytes) -> None:
        head, mark, rest = (self._before + data).partition(_BEGIN)
        self._has_begun = bool(mark)
        self._before = head[-_CHUNK_BYTES:]
        self._log.write(rest)


def _follow(process: subprocess.Popen[bytes], output: _Output, limit_s: float) -> bool:
    """Takes what the command says until it ends; True where it had to be ended."""
    with _watched(process, output) as selector:
        is_late = not _until_ended(selector, output, time.monotonic() + limit_s)
        if is_late:
            _signal_group(process.pid, signal.SIGTERM)
            _until_ended(selector, output, time.monotonic() + _GRACE_S)
    _signal_group(process.pid, signal.SIGKILL)
    output.take_last()
    return is_late


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes], output: _Output) -> Iterator[selectors.DefaultSelector]:
    """Tells of output, and of the end of the process: what that leaves behind may hold the pipe open."""
    descriptor = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(output.descriptor, selectors.EVENT_READ, output)
            selector.register(descriptor, selectors.EVENT_READ)
            yield selector
    finally:
        os.close(descriptor)


def _until_ended(selector: selectors.DefaultSelector, output: _Output, deadline: float) -> bool:
    while (left_s := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(left_s):
            if key.data is None:
                return True
            if not output.take():
                selector.unregister(key.fileobj)  # closed by the command, which goes on
    return False


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
