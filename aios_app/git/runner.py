"""The one door to the git program: a time limit, no questions, and its own words in every error."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

import psutil

from aios_app.domain.errors import ExternalError, GitError, UsageError
from aios_app.settings import environment_without

_log = logging.getLogger(__name__)

#: A group that must end gets SIGTERM, so that git removes its lock files, and SIGKILL this much later.
_GRACE_S = 2.0
_READ_LIMIT_S = 10
#: How lines begin that come before what matters.
_BESIDES = ("warning:", "hint:", "unable to read askpass response")
#: Bytes of the words of one that failed, from its beginning and from its end.
_MOST_WORDS = 8192
_INSTALL = "apt-get install git"
_READING = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_REMOTE_VERBS = frozenset({"fetch", "push", "ls-remote", "submodule", "clone"})
#: A person who sets one of these, or core.sshCommand, chose how to connect: kept.
_OWN_SSH = frozenset({"GIT_SSH", "GIT_SSH_COMMAND"})
_BATCH_SSH = "ssh -oBatchMode=yes -oConnectTimeout={}"
#: Seconds; half of the command's own limit where that is less, so that ssh itself says why.
_MOST_CONNECT_S = 10
#: Variables that would turn git away from the directory that it is started in.
_LOCAL_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
#: A passphrase must not be asked for on a terminal that nobody watches.
_LEFT_OUT = _LOCAL_VARIABLES | {"GPG_TTY", "LANGUAGE"}
_NO_QUESTIONS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "SSH_ASKPASS_REQUIRE": "force",  # of an ssh of the person's own that may ask: it fails at once
    "GCM_INTERACTIVE": "never",
    "LC_ALL": "C.UTF-8",  # git's words untranslated; hooks still read and write more than ASCII
}


class GitTimeout(GitError):
    """Git took longer than its limit."""


class GitFailed(GitError):
    """Git ended with an exit status other than 0, negative for a signal."""

    def __init__(self, message: str = "", stderr: str = "", stdout: str = "", status: int = 1) -> None:
        super().__init__(message, stderr)
        self.stdout = stdout
        self.status = status


def run_git(
    args: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    reading: bool = True,
    keep_open: Sequence[int] = (),
    config: Mapping[str, str] = MappingProxyType({}),
    with_remarks: bool = False,
) -> str:
    """What git wrote, bytes that are not UTF-8 as surrogates; the verb is the first of ``args``.

    At the limit the whole process group is ended. ``reading`` keeps the repository's hooks and file system
    monitor from running, and the index from being refreshed. ``keep_open`` are descriptors that git inherits.
    ``config`` goes before any file's. ``with_remarks`` adds what git and the remote said besides.
    Raises ``GitTimeout``, else ``GitFailed`` with git's words.
    """
    if any("\0" in arg for arg in args):
        raise UsageError("a name for git holds a NUL byte")
    options = [word for name, value in config.items() for word in ("-c", f"{name}={value}")]
    argv = ["git", *(_READING if reading else ()), *options, *args]
    environment = _environment(args[0], cwd, dict(env or {}), timeout_s, reading=reading)
    started_s = time.monotonic()
    # A file for stderr: daemons that ssh and credential helpers leave behind would hold a pipe open.
    with (
        tempfile.TemporaryFile() as errors,
        _start(argv, cwd=cwd, env=environment, stderr=errors.fileno(), keep_open=keep_open) as process,
    ):
        stdout = _text(_output(process, args[0], timeout_s))
        duration_ms = round((time.monotonic() - started_s) * 1000)
        facts = {"git_cmd": args[0], "git_exit": process.returncode, "duration_ms": duration_ms}
        _log.debug("git command completed", extra=facts)
        errors.seek(0)
        if process.returncode != 0:
            message = f"git {args[0]} failed in {cwd}"
            raise GitFailed(message, _words(errors), stdout, process.returncode)
        return stdout + _text(errors.read()) if with_remarks else stdout


def ask_program(argv: Sequence[str], *, timeout_s: float) -> str:
    """What a program beside git says, such as ssh; empty where it fails, is missing or takes too long.

    It has what git has: no terminal, nothing to read, an end with its whole group.
    """
    env = _environment("", Path("/"), {}, timeout_s, reading=True)
    try:
        with (
            tempfile.TemporaryFile() as errors,
            _start(argv, cwd=Path("/"), env=env, stderr=errors.fileno(), keep_open=()) as process,
        ):
            said = _text(_output(process, argv[0], timeout_s))
            return said if process.returncode == 0 else ""
    except ExternalError:
        return ""


def first_words(error: ExternalError) -> str:
    """The first line of an outside program's words that says something, without git's prefixes."""
    lines = [
        re.sub(r"^(fatal|error|remote|ERROR): *", "", line.strip()) for line in error.stderr.splitlines()
    ]
    said = [line for line in lines if line and not line.lower().startswith(_BESIDES)]
    return said[0] if said else str(error.args[0])


class _Process(subprocess.Popen[bytes]):
    """The kernel tells its end: to look again and again would cost each git command a millisecond."""

    def wait(self, timeout: float | None = None) -> int:
        if timeout is None or self.returncode is not None:
            return super().wait(timeout)
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:  # a kernel before 5.3
            return super().wait(timeout)
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            has_ended = poll.poll(max(timeout, 0) * 1000)
        finally:
            os.close(handle)
        return super().wait(None if has_ended else 0)


def _start(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stderr: int, keep_open: Sequence[int]
) -> subprocess.Popen[bytes]:
    try:
        return _Process(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            pass_fds=keep_open,
        )
    except OSError as error:
        if not cwd.is_dir():
            raise GitError(f"{cwd} is gone") from error
        raise ExternalError(f"git cannot be started ({error.strerror}): {_INSTALL}") from error


def _output(process: subprocess.Popen[bytes], verb: str, timeout_s: float) -> bytes:
    try:
        return process.communicate(timeout=timeout_s)[0]
    except subprocess.TimeoutExpired as error:
        why = ": its remote does not answer" if verb in _REMOTE_VERBS else ""
        raise GitTimeout(f"git {verb} took longer than {timeout_s:g} s{why}") from error
    finally:
        if process.returncode is None:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    strays = _strays(process)
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal_group(process, signal.SIGKILL)
    for stray in strays:
        with contextlib.suppress(psutil.Error):
            stray.kill()


def _strays(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Helpers of git that left its group, and that it still waits for."""
    found = []
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(process.pid).children(recursive=True)
    return [one for one in found if _group_of(one.pid) != process.pid]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _environment(
    verb: str, cwd: Path, given: dict[str, str], timeout_s: float, *, reading: bool
) -> dict[str, str]:
    mine = environment_without("AIOS_")
    env = {name: value for name, value in mine.items() if name not in _LEFT_OUT} | _NO_QUESTIONS | given
    if reading:
        env["GIT_OPTIONAL_LOCKS"] = "0"
    if verb in _REMOTE_VERBS and not env.keys() & _OWN_SSH and not _has_ssh_command(cwd, env):
        env["GIT_SSH_COMMAND"] = _BATCH_SSH.format(max(1, min(_MOST_CONNECT_S, int(timeout_s / 2))))
    return env


def _has_ssh_command(cwd: Path, env: Mapping[str, str]) -> bool:
    """Also where the configuration cannot be read: then git itself shall say so."""
    command = ["git", "config", "--get", "core.sshCommand"]
    try:
        asked = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_READ_LIMIT_S,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return asked.returncode != 1


def _words(errors: IO[bytes]) -> str:
    """What was said, the middle left out where that is more than anyone reads: hooks say what they like."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(0)
    if size <= 2 * _MOST_WORDS:
        return _text(errors.read())
    head = errors.read(_MOST_WORDS)
    errors.seek(-_MOST_WORDS, os.SEEK_END)
    return f"{_text(head)}\n[{size - 2 * _MOST_WORDS} bytes left out]\n{_text(errors.read())}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
