"""One tmux process per operation, with a time limit and a clean environment. All of tmux is run here."""

from __future__ import annotations

import functools
import logging
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import libtmux
from libtmux.common import tmux_cmd

from aios_app.domain.errors import TmuxError, TmuxMissing
from aios_app.settings import is_in_service

_log = logging.getLogger(__name__)

MIN_VERSION = (3, 2)
#: Agents write the person's files: they have the usual mode, not the private one of the worker's own.
_UMASK = 0o022
_DOWN = ("no server running", "error connecting to", "lost server", "server exited")


def require_tmux() -> str:
    """The version of the tmux on PATH; raises ``TmuxMissing`` where there is none that will do."""
    program = Path(tmux_program())
    return _version(program, program.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _version(program: Path, _changed_ns: int) -> str:
    """Asked once of each program that stands there."""
    try:
        done = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise TmuxMissing(f"tmux does not start ({error}): apt-get install tmux") from error
    version = done.stdout.strip().removeprefix("tmux ")
    numbers = re.search(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < MIN_VERSION:
        raise TmuxMissing(f"tmux {version} is too old, 3.2 is needed: apt-get install tmux")
    return version


def tmux_program() -> str:
    """The full path of tmux; raises ``TmuxMissing``."""
    program = shutil.which("tmux")
    if program is None:
        raise TmuxMissing("tmux is not installed: apt-get install tmux")
    return program


def literal(argument: str) -> str:
    """The argument as tmux must get it: a closing semicolon would begin a new tmux command."""
    return argument[:-1] + r"\;" if argument.endswith(";") else argument


def is_down(result: tmux_cmd) -> bool:
    """Whether the command failed because no server listens on the socket."""
    words = " ".join(result.stderr)
    return result.returncode != 0 and words.startswith(_DOWN) and "Permission denied" not in words


class TmuxClient(libtmux.Server):
    """libtmux's server with its one choke point ``cmd`` held to a time limit. It never starts a server."""

    def __init__(self, socket: Path, *, timeout_s: float) -> None:
        super().__init__(socket_path=socket)
        self._timeout_s = timeout_s

    def cmd(self, cmd: str, *args: object, target: str | int | None = None) -> tmux_cmd:
        place = () if target is None else ("-t", str(target))
        return self.run([cmd, *place, *(str(arg) for arg in args)])

    def start_and_run(self, argv: Sequence[str], *, configs: Sequence[Path]) -> tmux_cmd:
        """Run tmux commands, with a server that reads ``configs`` where none is up; refuses an old tmux."""
        require_tmux()
        flags = [f"-f{config}" for config in configs]
        scope = _own_scope()
        if scope and self._is_listening():
            scope = []
        result = self._run(flags, argv, stdin=b"", scope=scope)
        if scope and result.returncode and not self._is_listening():  # no bus: the scope could not be made
            return self._run(flags, argv, stdin=b"")
        return result

    def run(self, argv: Sequence[str], *, stdin: bytes = b"") -> tmux_cmd:
        return self._run(["-N"], argv, stdin=stdin)

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket_path)) == 0

    def _run(
        self, flags: Sequence[str], argv: Sequence[str], *, stdin: bytes, scope: Sequence[str] = ()
    ) -> tmux_cmd:
        command = [*scope, tmux_program(), "-u", f"-S{self.socket_path}", *flags, *argv]
        started_s = time.monotonic()
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                timeout=self._timeout_s,
                env=clean_environment(),
                umask=_UMASK,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TmuxError(f"tmux did not answer within {self._timeout_s:g} s ({argv[0]})") from error
        duration_ms = round((time.monotonic() - started_s) * 1000)
        facts = {"tmux_cmd": argv[0], "tmux_exit": done.returncode, "duration_ms": duration_ms}
        _log.debug("tmux command completed", extra=facts)
        return _result(command, done)


def _own_scope() -> list[str]:
    """What begins a server outside of the systemd service that this process belongs to, if any.

    With a service systemd ends all that belongs to it.
    """
    program = shutil.which("systemd-run") if is_in_service() else None
    return [program, "--user", "--scope", "--quiet", "--collect", "--"] if program else []


def clean_environment() -> dict[str, str]:
    """This process's environment without what would tie a tmux server or an agent to it."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("TMUX", "TMUX_PANE") and not name.startswith("AIOS_")
    }


def _result(command: list[str], done: subprocess.CompletedProcess[bytes]) -> tmux_cmd:
    result = tmux_cmd.__new__(tmux_cmd)  # its constructor runs the command, without a limit
    result.cmd = command
    result.returncode = done.returncode
    result.stdout = _text(done.stdout).rstrip("\n").split("\n")
    result.stderr = [line for line in _text(done.stderr).split("\n") if line]
    return result


def _text(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")
