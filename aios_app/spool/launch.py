"""What a tmux session is started with: the files of an attempt, the command, the environment."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aios_app.domain.errors import ExternalError
from aios_app.settings import MAX_SOCKET_PATH_BYTES

_SCRIPTS = Path(__file__).with_name("scripts")
HOOK = _SCRIPTS / "hook.sh"

#: What the session ends with when the project's setup command failed.
SETUP_FAILED = 113


def prepare_attempt(attempt_dir: Path, *, argv: Sequence[str], setup: str = "") -> None:
    """Write the agent's command and the project's setup command for the launcher.

    The directory appears complete or not at all; one that exists is replaced. The words of the command
    reach the agent byte for byte, whatever they hold.
    """
    attempt_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{attempt_dir.name}.", dir=attempt_dir.parent))
    try:
        _fill(new, argv, setup)
        if attempt_dir.exists():
            shutil.rmtree(attempt_dir)
        new.rename(attempt_dir)
    except (OSError, ValueError) as error:
        shutil.rmtree(new, ignore_errors=True)
        raise ExternalError(f"the files of the attempt cannot be written: {error}") from error


def _fill(directory: Path, argv: Sequence[str], setup: str) -> None:
    (directory / "argv").mkdir(mode=0o700)
    for index, word in enumerate(argv):
        _write_private(directory / "argv" / f"{index:04d}", word)
    if setup:
        _write_private(directory / "setup", setup)


def session_argv(attempt_dir: Path, *, shell: str) -> list[str]:
    """The command of the tmux session. ``shell`` is the person's login shell."""
    return ["/bin/sh", str(_SCRIPTS / "wrapper.sh"), str(attempt_dir), shell]


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
        "AIOS_PYTHON": sys.executable,
        "AIOS_TMUX": str(tmux_socket),
        "AIOS_TMUX_TMPDIR": str(_tmux_dir(attempt, attempt_dir)),
    }


def _tmux_dir(attempt: str, attempt_dir: Path) -> Path:
    """Where the agent's own tmux puts its socket: beside the attempt, if the path is short enough."""
    own = attempt_dir / "tmux"
    socket = own / f"tmux-{os.getuid()}" / "default"
    if len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES:
        return own
    return Path(tempfile.gettempdir()) / f"aios-{os.getuid()}-{attempt[:13]}"


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.fsencode(text))
