"""Starts the dashboard on this terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

from aios_app.cli import exits, session
from aios_app.cli.client import caller_directory
from aios_app.cli.dashboard.app import Dashboard


def start() -> int:
    """Returns when the person leaves. What ends it otherwise is raised once the terminal is theirs again."""
    app = Dashboard(session.client(), session.settings(), caller_directory())
    threading.Thread(target=_leave_with_terminal, args=[app], daemon=True).start()
    app.run()
    if app.failure is not None:
        raise app.failure
    return exits.DONE


def _leave_with_terminal(app: Dashboard) -> None:
    """Ends the process once its terminal is gone: whoever still draws on it would wait for ever."""
    terminal = select.poll()
    terminal.register(sys.stdin, 0)
    terminal.poll()
    app.note_left()
    os._exit(128 + signal.SIGHUP)
