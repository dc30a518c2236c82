"""Starts the dashboard on this terminal."""

from __future__ import annotations

from aios_app.cli import exits, session
from aios_app.cli.client import caller_directory
from aios_app.cli.dashboard.app import Dashboard


def start() -> int:
    """Returns when the person leaves. What ends it otherwise is raised once the terminal is theirs again."""
    app = Dashboard(session.client(), session.settings(), caller_directory())
    app.run()
    if app.failure is not None:
        raise app.failure
    return exits.DONE
