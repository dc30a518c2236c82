"""Signals as an agent's side leaves them."""

from __future__ import annotations

import time
from pathlib import Path

from aios_app.spool.files import TEMPORARY


def write_signal(spool_dir: Path, attempt: str, kind: str, payload: bytes = b"") -> Path:
    """Leaves a signal; a watcher sees it whole or not at all."""
    name = f"{attempt}.{time.time_ns()}.{kind}"
    new = spool_dir / f"{TEMPORARY}{name}"
    new.write_bytes(payload)
    return new.rename(spool_dir / name)
