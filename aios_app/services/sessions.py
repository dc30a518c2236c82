"""The tmux sessions of AIOS."""

from __future__ import annotations

import shlex
from typing import Any

from aios_app.domain.errors import TmuxError
from aios_app.services.context import Context
from aios_app.tmux.server import SessionInfo


def list_sessions(ctx: Context) -> dict[str, Any]:
    """Every session of this machine, with the line that attaches to it by tmux alone."""
    machine = {"machine": ctx.catalog.machine_name()}
    sessions = [_shown(ctx, session) | machine for session in ctx.tmux.sessions()]
    return {"sessions": sessions, "problems": []}


def _shown(ctx: Context, session: SessionInfo) -> dict[str, Any]:
    return {
        "name": session.name,
        "windows": session.windows,
        "attached": session.attached,
        "path": session.path,
        "job": int(session.marks.get("job") or 0),
        "attach": _attach_line(ctx, session.name),
    }


def _attach_line(ctx: Context, name: str) -> str:
    try:
        *words, target = ctx.tmux.attach_argv(name)
    except TmuxError:  # a session of the person's own, with a name that AIOS would not give
        return ""
    return f"{shlex.join(words)} '{target}'"  # zsh takes a word that begins with = for a command's path
