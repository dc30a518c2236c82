"""What a tmux session is started with: the files of an attempt, the command, the environment."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from aios_app.domain.errors import ExternalError
from aios_app.settings import MAX_SOCKET_PATH_BYTES

_SCRIPTS = Path(__file__).with_name("scripts")
HOOK = _SCRIPTS / "hook.sh"
_WRAPPER = str(_SCRIPTS / "wrapper.sh")

#: tmux takes commands of 16 KB; longer words go by file.
_LONGEST_WORD_BYTES = 256

_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})

_RESTORE_SIGNALS = """import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])"""

#: What the session ends with when the project's setup command failed.
SETUP_FAILED = 113


def prepare_attempt(
    attempt_dir: Path,
    *,
    argv: Sequence[str],
    worktree: Path,
    shell: str,
    setup: str = "",
    files: Mapping[str, str] | None = None,
) -> list[str]:
    """Write what the launcher reads, and return the command of the tmux session.

    The directory appears complete or not at all; one that exists is replaced. The words of the agent's
    command reach it byte for byte, whatever they hold. ``shell`` is the person's login shell, ``files`` are
    what the agent itself wants to read there.
    """
    attempt_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{attempt_dir.name}.", dir=attempt_dir.parent))
    try:
        words = _fill(new, argv, {**(files or {}), **({"setup": setup} if setup else {})})
        if attempt_dir.exists():
            shutil.rmtree(attempt_dir)
        new.rename(attempt_dir)
        _tmux_dir(attempt_dir).mkdir(mode=0o700, exist_ok=True)
    except (OSError, ValueError) as error:
        shutil.rmtree(new, ignore_errors=True)
        raise ExternalError(f"the files of the attempt cannot be written: {error}") from error
    launcher = ["/bin/sh", str(_SCRIPTS / "launcher.sh"), str(attempt_dir), str(worktree), *words]
    wrapper = ["/bin/sh", _WRAPPER, str(attempt_dir)]
    return [*wrapper, *_hearing(), *login_shell(shell), *launcher]


def _fill(directory: Path, argv: Sequence[str], files: Mapping[str, str]) -> list[str]:
    """Writes the words that are too long for a command of tmux; an empty one stands in their place."""
    for name, text in files.items():
        _write_private(directory / name, text)
    words = []
    for index, word in enumerate(argv):
        is_long = len(os.fsencode(word)) > _LONGEST_WORD_BYTES
        if is_long:
            _write_private(directory / f"word.{index}", word)
        words.append("" if is_long else word)
    return words


def login_shell(shell: str) -> list[str]:
    """Reads the start-up files of a terminal, then becomes the command that follows."""
    name = Path(shell).name
    if name == "fish" and os.access(shell, os.X_OK):
        return [shell, "-l", "-i", "-c", "exec $argv"]
    is_known = name in _POSIX_SHELLS and os.access(shell, os.X_OK)
    return [shell if is_known else "/bin/sh", "-l", "-i", "-c", 'exec "$0" "$@"']


@functools.cache
def _hearing() -> tuple[str, ...]:
    """Restores Ctrl-C, to which a shell makes deaf what it runs in the background."""
    env = ("env", "--default-signal=INT,QUIT")
    if subprocess.run([*env, "true"], check=False, capture_output=True).returncode == 0:
        return env
    return (sys.executable, "-IS", "-c", _RESTORE_SIGNALS)


def has_begun(attempt_dir: Path) -> bool:
    """Whether the attempt's session was made once, whatever has come of it: it must not be made again."""
    return (attempt_dir / "begun").exists()


def has_started(attempt_dir: Path) -> bool:
    """Whether the person's login shell got to the launcher; true before the signal ``started`` is there."""
    return (attempt_dir / "started").exists()


def wrapped_attempts() -> set[str]:
    """The attempts whose wrapper still runs: it will say itself how its agent ended."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if _WRAPPER in words[1:2]:
                found.add(Path(words[2]).name)
    return found


def session_environment(
    *, attempt: str, job: int, spool_dir: Path, attempt_dir: Path, port: int, tmux_socket: Path
) -> dict[str, str]:
    """The variables of the tmux session; the agent sees the first five of them."""
    return {
        "AIOS_ATTEMPT": attempt,
        "AIOS_JOB": str(job),
        "AIOS_PORT": str(port),
        "AIOS_SPOOL": str(spool_dir),
        "AIOS_HOOK": str(HOOK),
        "AIOS_TMUX": str(tmux_socket),
        "AIOS_TMUX_TMPDIR": str(_tmux_dir(attempt_dir)),
    }


def _tmux_dir(attempt_dir: Path) -> Path:
    """Where the agent's own tmux puts its socket: beside the attempt, if the path is short enough."""
    own = attempt_dir / "tmux"
    socket = own / f"tmux-{os.getuid()}" / "default"
    if len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES:
        return own
    return Path(tempfile.gettempdir()) / f"aios-{os.getuid()}-{attempt_dir.name[:13]}"


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.fsencode(text))
