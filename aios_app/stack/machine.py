"""What this machine has, how busy it is, and which programs AIOS finds on it."""

from __future__ import annotations

import functools
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

_TIMEOUT_S = 5.0
_PROGRAMS = {"git": "--version", "tmux": "-V"}


def machine_facts() -> dict[str, Any]:
    """Load (the average of one minute), memory, uptime and versions, as they are at this moment."""
    memory = psutil.virtual_memory()
    return {
        "load": round(psutil.getloadavg()[0], 2),
        "cores": psutil.cpu_count() or 1,
        "memory_bytes": memory.total,
        "available_bytes": memory.available,
        "uptime_s": max(0, round(time.time() - psutil.boot_time())),
        "programs": {"python": platform.python_version()} | {name: _version_of(name) for name in _PROGRAMS},
    }


def _version_of(name: str) -> str:
    path = shutil.which(name)
    try:
        return _version(path, Path(path).stat().st_mtime_ns, _PROGRAMS[name]) if path else ""
    except (OSError, subprocess.SubprocessError):
        return ""


@functools.lru_cache(maxsize=8)
def _version(path: str, _changed_ns: int, flag: str) -> str:
    """Asked once of each program that stands there."""
    done = subprocess.run([path, flag], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    found = re.search(r"\d+\.\d\S*", done.stdout)
    return found[0] if found else ""
