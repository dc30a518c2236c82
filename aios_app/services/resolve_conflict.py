"""Give a conflict to the agent whose work it is: a further turn of its job."""

from __future__ import annotations

from collections.abc import Iterator

from aios_app.domain.landing import ConflictFile, Landing
from aios_app.services.context import Context
from aios_app.services.send_text import Message, deliver

#: Files whose commits the agent is told; it sees all of them itself when it merges.
_MOST_FILES = 20


def send_conflict(ctx: Context, landing: Landing) -> str:
    """Types it into the agent's terminal, which is opened again if it was closed; says what came of it."""
    job = ctx.ledger.job(landing.job)
    if job is None:
        return "its job is gone"
    sent = deliver(ctx, job, Message(text=_text(landing)))
    number = landing.job
    if not sent.is_delivered:
        return f"its agent did not get it ({sent.message}): aios attach {number}"
    return f"its agent resolves it now: aios wait {number}, then aios land {number}"


def _text(landing: Landing) -> str:
    name = f"{landing.remote}/{landing.branch}" if landing.remote else landing.branch
    fetch = f"git fetch {landing.remote} && " if landing.remote else ""
    lines = (
        f"Your work conflicts with {name}. Do this now: {fetch}git merge {name}",
        "The files that conflict, with the commits of both sides:",
        *_files(landing.conflicts[:_MOST_FILES]),
        "Resolve them so that the intent of both sides is kept; take neither side as a whole. Run the tests, "
        "then commit the merge. Do not push.",
    )
    return "\n".join("".join(filter(str.isprintable, line)) for line in lines)


def _files(conflicts: tuple[ConflictFile, ...]) -> Iterator[str]:
    for file in conflicts:
        yield f"- {file.path}"
        for side, commits in (("theirs", file.ours), ("yours", file.theirs)):
            yield from (f"  {side}: {line}" for line in commits)
