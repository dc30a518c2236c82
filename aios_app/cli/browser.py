"""The person's browser."""

from __future__ import annotations

import shlex
import shutil
import subprocess

from aios_app.cli import terminal


def show(url: str) -> bool:
    """Opens the address; False where no browser can be seen, so that the person has to open it."""
    argv = _argv(url)
    if argv is None:
        return False
    try:
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True


def _argv(url: str) -> list[str] | None:
    if terminal.is_remote() or not (terminal.is_mac() or terminal.has_display()):
        return None
    chosen = shlex.split(terminal.chosen_browser())
    if chosen and shutil.which(chosen[0]):
        return [word.replace("%s", url) for word in chosen] if "%s" in chosen else [*chosen, url]
    opener = "open" if terminal.is_mac() else "xdg-open"
    return [opener, url] if shutil.which(opener) else None
