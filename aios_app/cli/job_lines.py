"""Jobs as lines: ``#7 review  shop  codex  3m +14 -3 "fix the login redi…"``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from aios_app.cli import output, terminal
from aios_app.cli.client import Json
from aios_app.cli.tokens import spent

#: As in ``aios_app.domain.models``, whose import costs more than it saves here.
LIVE = frozenset({"queued", "preparing", "running", "waiting"})
WENT_WRONG = frozenset({"failed", "stopped", "lost"})

_COLOURS = {
    "queued": "dim", "preparing": "dim", "running": "blue", "waiting": "yellow", "review": "green",
    "failed": "red", "lost": "red",
}  # fmt: skip
_STATE_CELLS = len("preparing")
_WIDEST_PROJECT = 16
_WIDEST_AGENT = 10
_WIDEST_MACHINE = 12
#: A shorter rest of the line says nothing.
_LEAST_TITLE = 8
_UNCUT = sys.maxsize
_REMARKS = (
    ("progress", "step"), ("question", "asks"), ("cause", "because"), ("reason", "waits"),
    ("landing", "landing"), ("away", "machine"), ("note", "note"),
)  # fmt: skip
_CHECKS = {"queued": "...", "running": "...", "passed": "ok", "failed": "red"}


def job_lines(
    jobs: Sequence[Json], now_ms: int, *, among: Sequence[Json] = (), is_wide: bool = False
) -> list[str]:
    """One line per job, in columns, and an indented one for each thing that a person should know.

    The columns fit ``among`` too, so that lines printed one after another stand under one another.
    """
    widths = _Widths([*among, *jobs])
    width, colour = terminal.size()[0], terminal.has_colour()
    lines: list[str] = []
    for job in jobs:
        head = f"{_number(job):{widths.number}} "
        state = output.paint(
            output.pad(_state(job), _STATE_CELLS), _COLOURS.get(_state(job), ""), is_on=colour
        )
        rest = _rest(job, now_ms, widths, width - len(head) - _STATE_CELLS)
        lines += [
            f"{head}{state}{rest}",
            *_remarks(job, _UNCUT if is_wide else width),
            *(_wide(job) if is_wide else ()),
        ]
    return lines


def is_live(job: Json) -> bool:
    """Not begun or not over."""
    return job.get("state") in LIVE


def went_wrong(job: Json) -> bool:
    """Over, and nothing to review."""
    return job.get("state") in WENT_WRONG


def duration(ms: int) -> str:
    """``4s``, ``3m``, ``2h``, ``5d``: the largest unit, rounded down."""
    seconds = max(ms, 0) // 1000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def clock(ms: int) -> str:
    """``3:12`` or ``1:03:12``."""
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def worked_ms(job: Json, now_ms: int) -> int:
    """How long its work took, or takes by now; how long it has been in its state where none began.

    0 where that cannot be said, as with a ``now_ms`` of 0.
    """
    started, finished = job.get("started_ms", 0), job.get("finished_ms", 0)
    if not started or job.get("state") in {"queued", "preparing", "waiting"}:
        return max(int(now_ms - job.get("since_ms", now_ms)), 0) if is_live(job) else 0
    return max(int((finished if finished and not is_live(job) else now_ms) - started), 0)


def change(job: Json) -> str:
    """``+14 -3``; ``no change`` where its turn is over and there is none."""
    if job.get("files"):
        return f"+{job.get('added', 0)} -{job.get('removed', 0)}"
    return "no change" if job.get("state") == "review" and job.get("base_sha") and is_measured(job) else ""


def is_measured(job: Json) -> bool:
    """Whether the size of its change is known, which is taken just after the turn's end, or is none."""
    if job.get("state") != "review" or not job.get("base_sha"):
        return True
    return int(job.get("measured_ms", 0)) >= int(job.get("since_ms", 0))


def check_word(job: Json) -> str:
    """What came of its project's check: ``ok``, ``red``, ``...`` while that is not known, or nothing."""
    return _CHECKS.get(str(job.get("check")), "")


def is_checked(job: Json) -> bool:
    """Whether no check of its work is still to end."""
    return job.get("state") != "review" or check_word(job) != "..."


def tally(jobs: Sequence[Json]) -> str:
    """``2 running  3 queued``: how many are in which state."""
    states = [_state(job) for job in jobs]
    return "  ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


class _Widths:
    """The widths of the columns of one list."""

    def __init__(self, jobs: Sequence[Json]) -> None:
        self.number = max((len(_number(job)) for job in jobs), default=2)
        self.project = min(
            max((output.cells(_text(job, "project")) for job in jobs), default=0), _WIDEST_PROJECT
        )
        self.agent = min(max((output.cells(_text(job, "agent")) for job in jobs), default=0), _WIDEST_AGENT)
        self.machine = min(
            max((output.cells(_text(job, "where")) for job in jobs), default=0), _WIDEST_MACHINE
        )
        self.change = max((len(change(job)) for job in jobs), default=0)
        self.check = max((len(check_word(job)) for job in jobs), default=0)


def _rest(job: Json, now_ms: int, widths: _Widths, room: int) -> str:
    worked = worked_ms(job, now_ms)
    parts = [
        " " + output.pad(_text(job, "project"), widths.project),
        " " + output.pad(_text(job, "agent"), widths.agent),
        " " + output.pad(_text(job, "where"), widths.machine) if widths.machine else "",
        f"{duration(worked) if worked else '':>3}",
        output.pad(change(job), widths.change),
        output.pad(check_word(job), widths.check),
    ]
    text = " " + " ".join(part for part in parts if part)
    left = room - output.cells(text) - len(' ""')
    if left >= _LEAST_TITLE and job.get("title"):
        text += f' "{output.fit(_text(job, "title"), left)}"'
    return output.fit(text, room).rstrip()


def _remarks(job: Json, width: int) -> list[str]:
    if job.get("state") == "dropped":  # what once was in its way is past
        return []
    said = [f"    {label}: {_text(job, field)}" for field, label in _REMARKS if job.get(field)]
    return [output.fit(line, width) for line in said]


def _wide(job: Json) -> list[str]:
    base = f"{_text(job, 'base_ref')} {_text(job, 'base_sha')[:7]}".strip() or _text(job, "base")
    fields = {
        "run": f"r{job.get('run', 0)}",
        "base": base,
        "branch": _text(job, "branch"),
        "worktree": _text(job, "worktree"),
        "session": _text(job, "name"),
        "attempt": f"{job.get('attempt_no', 1)} {_text(job, 'attempt')}".strip(),
        "machine": _text(job, "where") or _text(job, "machine"),
        "placed": _text(job, "placed"),
        "tokens": spent(job),
        "says": _text(job, "message"),
    }
    return [f"    {name:8} {value}" for name, value in fields.items() if value]


def _number(job: Json) -> str:
    return f"#{job.get('number', 0)}"


def _state(job: Json) -> str:
    return _text(job, "state")


def _text(job: Json, field: str) -> str:
    return output.clean(job.get(field) or "")
