"""What a job's agent showed, also after it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aios_app.domain.errors import NotNow, UnknownJob
from aios_app.domain.models import Job
from aios_app.services.context import Context

#: Lines of a living terminal, from the newest back.
_HISTORY_LINES = 50_000
#: Of a saved log the end is shown.
_MAX_BYTES = 2 * 1024 * 1024


def show_log(ctx: Context, *, number: int) -> dict[str, Any]:
    """The living screen with its history, else the last one, else what the setup command said."""
    job = ctx.ledger.job(number)
    if job is None:
        raise UnknownJob(f"there is no job {number}: see aios jobs --all")
    source, text = _live(ctx, job) or _saved(ctx, job)
    return {"job": job.to_json(), "source": source, "text": text}


def _live(ctx: Context, job: Job) -> tuple[str, str] | None:
    session = ctx.tmux.find(job.name)
    if session is None or session.marks.get("attempt") != job.attempt:
        return None
    return "live screen", ctx.tmux.capture(job.name, history_lines=_HISTORY_LINES)


def _saved(ctx: Context, job: Job) -> tuple[str, str]:
    directory = ctx.settings.jobs_dir / str(job.number) / job.attempt
    screen, setup = directory / "screen.txt", directory / "setup.log"
    places = [("last screen", screen), ("setup", setup)]
    for source, path in reversed(places) if job.cause.startswith("setup") else places:
        if path.is_file():
            return source, _end_of(path)
    raise NotNow(f"job {job.number} is {job.state} and has shown nothing yet")


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _MAX_BYTES))
        return file.read().decode("utf-8", "surrogateescape")
