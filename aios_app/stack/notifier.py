"""Tell the person at the machine: by the desktop, or by a program of their own."""

from __future__ import annotations

import html
import logging
import shlex
import shutil
import subprocess

from aios_app.settings import environment_without

logger = logging.getLogger(__name__)

OFF, DESKTOP = "off", "desktop"
#: Seconds that a program has to tell it.
_LIMIT_S = 30.0
_APPLESCRIPT = (
    *("-e", "on run argv"),
    *("-e", 'display notification (item 1 of argv) with title "AIOS"'),
    *("-e", "end run"),
)


def notify(way: str, message: str, *, event: str, jobs: str) -> None:
    """Runs what ``way`` says: ``desktop``, or the words of a command with the message on its standard input.

    ``event`` and ``jobs`` are in its environment as ``AIOS_EVENT`` and ``AIOS_JOBS``. No shell reads any of
    them. What goes wrong is logged: nobody waits for it.
    """
    argv = _desktop(message) if way == DESKTOP else shlex.split(way)
    if not argv:
        logger.warning("not announced: neither notify-send nor osascript is there")
        return
    try:
        done = subprocess.run(
            argv,
            input=f"{message}\n".encode("utf-8", "replace"),
            env=environment_without("AIOS_") | {"AIOS_EVENT": event, "AIOS_JOBS": jobs},
            timeout=_LIMIT_S,
            capture_output=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("not announced: %s", error)
        return
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()[:500]
        logger.warning("not announced: %s exited %d: %s", argv[0], done.returncode, words)


def _desktop(message: str) -> list[str]:
    if shutil.which("notify-send"):
        return ["notify-send", "--app-name=AIOS", "--", "AIOS", html.escape(message)]
    return ["osascript", *_APPLESCRIPT, message] if shutil.which("osascript") else []
