"""A person's own shell beside an agent, in a further window of its session."""

from __future__ import annotations

from pathlib import Path

from aios_app.domain.models import Job
from aios_app.services.context import Context

#: What belongs to the agent alone: with them the shell would count as a process of the agent.
_AGENTS_OWN = ("AIOS_ATTEMPT", "AIOS_SPOOL", "AIOS_HOOK", "AIOS_TMUX", "AIOS_TMUX_TMPDIR")


def open_shell_window(ctx: Context, job: Job) -> None:
    """Opens one behind the agent, unless the session has a further window already."""
    session = ctx.tmux.find(job.name)
    if session is not None and session.windows > 1:
        return
    unset = [word for name in _AGENTS_OWN for word in ("-u", name)]
    own = [f"{name}={value}" for name, value in ctx.settings.environment().items()]
    ctx.tmux.open_window(
        job.name, cwd=Path(job.worktree), argv=["env", *unset, *own, ctx.settings.shell, "-i"]
    )
