"""What the person's login shell sets: agents are started through it, so its environment is theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from aios_app.settings import Settings, environment_without

#: Keys of the agents' services. Their values are never kept.
API_KEYS = ("ANTHROPIC_API_KEY", "CODEX_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")
_MARK = "AIOS-ENVIRONMENT"
_COMMAND = f"printf '\\0{_MARK}\\0'; env -0"


def login_environment(settings: Settings, *, deadline_s: float = 5.0) -> dict[str, str] | None:
    """The variables that the shell's own start-up files leave, with the values of keys taken out.

    The keys of this terminal are not passed on to it. None when it does not end in time, or fails.
    """
    argv = [settings.shell, "-l", "-i", "-c", _COMMAND]
    environment = environment_without("AIOS_", *API_KEYS) | {"HOME": str(settings.home)}
    with (
        tempfile.TemporaryFile() as output
    ):  # a pipe would stay open with what the start-up files leave behind
        try:
            shell = subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=settings.home if settings.home.is_dir() else Path("/"),
                start_new_session=True,
            )
        except OSError:
            return None
        if not _ends_within(shell, deadline_s):
            return None
        output.seek(0)
        return _parsed(output.read().decode(errors="replace"))


def _ends_within(shell: subprocess.Popen[bytes], deadline_s: float) -> bool:
    try:
        shell.wait(deadline_s)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        return False
    return True


def _parsed(output: str) -> dict[str, str] | None:
    _, mark, rest = output.partition(f"\0{_MARK}\0")
    pairs = (entry.partition("=") for entry in rest.split("\0") if "=" in entry)
    return {name: "" if name in API_KEYS else value for name, _, value in pairs} if mark else None
