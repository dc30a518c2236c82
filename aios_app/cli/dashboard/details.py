"""What is shown of a job that has no screen."""

from __future__ import annotations

from textual.strip import Strip

from aios_app.cli import output
from aios_app.cli.client import Json
from aios_app.cli.dashboard.strips import pieces, wrapped
from aios_app.cli.job_lines import change
from aios_app.cli.tokens import spent
from aios_app.cli.waiting import check_line, next_step

_LABEL_CELLS = 10


def details(job: Json, width: int) -> list[Strip]:
    """What it was asked, what came of it, and where it is."""
    facts = {
        "asked": job.get("title"),
        "step": job.get("progress"),
        "asks": job.get("question"),
        "because": job.get("cause"),
        "waits": job.get("reason"),
        "landing": job.get("landing"),
        "machine": job.get("away") or job.get("placed") or job.get("where"),
        "note": job.get("note"),
        "says": job.get("message"),
        "change": _size(job),
        "check": check_line(job).removeprefix("check ") if job.get("check") else "",
        "branch": job.get("branch"),
        "base": f"{job.get('base_ref') or ''} {(job.get('base_sha') or '')[:7]}".strip(),
        "worktree": job.get("worktree"),
        "tokens": spent(job),
        "next": next_step(job),
    }
    return [line for label, text in facts.items() if text for line in _fact(label, str(text), width)]


def _fact(label: str, text: str, width: int) -> list[Strip]:
    lines = wrapped(text.strip(), max(width - _LABEL_CELLS - 2, 10))
    heads = [label, *[""] * (len(lines) - 1)]
    return [
        pieces([(f" {output.pad(head, _LABEL_CELLS)}", "dim"), (line.text, "")])
        for head, line in zip(heads, lines, strict=True)
    ]


def _size(job: Json) -> str:
    files = job.get("files") or 0
    return f"{files} file{'' if files == 1 else 's'} {change(job)}" if files else change(job)
