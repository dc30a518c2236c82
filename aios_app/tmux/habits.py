"""What a person's fingers know from their own tmux: its prefix, copy keys and terminal name, copied once.

Their configuration file is not loaded: options such as ``destroy-unattached`` would end jobs.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

from aios_app.tmux.client import clean_environment, tmux_program

_LIMIT_S = 2.0
_OPTIONS = {"prefix": ["-gv"], "mode-keys": ["-gwv"], "default-terminal": ["-sv"]}
_VALUE = re.compile(r"[A-Za-z0-9^_.@/\[\]-]{1,40}")


def copy_habits(target: Path) -> Path | None:
    """The file with the person's habits, made where their own server runs now; None: nothing is known yet."""
    if target.is_file():
        return target
    found = {name: value for name in _OPTIONS if (value := _asked(name))}
    if not found:
        return None
    lines = [f"set-option -g {name} {value}" for name, value in found.items()]
    if "prefix" in found:
        lines.append(f"bind-key {found['prefix']} send-prefix")
    target.write_text("\n".join(lines) + "\n")
    return target


def _asked(option: str) -> str:
    socket = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}" / "default"  # noqa: S108 - tmux's own
    try:
        status = socket.lstat()
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.getuid():
            return ""
        done = subprocess.run(
            [tmux_program(), "-N", "-S", str(socket), "show-options", *_OPTIONS[option], option],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            env=clean_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    value = done.stdout.strip()
    return value if done.returncode == 0 and _VALUE.fullmatch(value) else ""
