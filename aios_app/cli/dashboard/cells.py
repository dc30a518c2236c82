"""A job as one line of the dashboard's list."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual.strip import Strip

from aios_app.cli import output
from aios_app.cli.client import Json
from aios_app.cli.dashboard.board import Board
from aios_app.cli.dashboard.strips import fitted, pieces
from aios_app.cli.job_lines import change, check_word, duration, worked_ms

#: The terminal's own colours, which suit its light or dark background.
STATE_STYLES = {
    "waiting": "bold yellow", "failed": "red", "lost": "red", "review": "green", "running": "blue",
    "preparing": "dim", "queued": "dim", "stopped": "dim", "landed": "dim", "dropped": "dim",
}  # fmt: skip
_CHECK_STYLES = {"ok": "green", "red": "red"}
#: Why a job is as it is; the first of these that it has stands in the place of its title.
_REMARKS = {
    "waiting": ("question", "landing"), "failed": ("cause",), "lost": ("cause",), "stopped": ("cause",),
    "queued": ("reason",), "review": ("landing", "note"),
}  # fmt: skip
_STATE_CELLS = len("preparing")
_AGE_CELLS = 4
_WIDEST = {"agent": 10, "project": 16, "machine": 12}
#: Of a narrow terminal, whose line should still say what it is about.
_NARROW_CELLS = 90
_NARROWEST = {"agent": 8, "project": 12, "machine": 8}


class Columns:
    """The widths of the columns that suit all jobs of the board."""

    def __init__(self, board: Board, width: int) -> None:
        jobs, widest = board.jobs.values(), _NARROWEST if width < _NARROW_CELLS else _WIDEST
        self.width = width
        self.number = max([2, *(len(f"#{job['number']}") for job in jobs)])
        self.agent = _widest("agent", (job["agent"] for job in jobs), widest)
        self.project = _widest("project", (job["project"] for job in jobs), widest)
        names = {str(job.get("where", "")) for job in jobs} if board.has_machines() else set[str]()
        self.machine = _widest("machine", names, widest) if names else 0
        self.change = _needed("diff", map(change, jobs))
        self.check = _needed("check", map(check_word, jobs))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self._widths() == other._widths()

    __hash__ = None  # type: ignore[assignment]

    def _widths(self) -> tuple[int, ...]:
        return self.width, self.number, self.agent, self.project, self.machine, self.change, self.check

    def heading(self) -> Strip:
        """The names of the columns."""
        words = [
            (" " + fitted("#", self.number), ""),
            ("  " + fitted("state", _STATE_CELLS), ""),
            *self._optional("agent", self.agent),
            *self._optional("project", self.project),
            *self._optional("machine", self.machine),
            ("  " + f"{'age':>{_AGE_CELLS}}", ""),
            *self._optional("diff", self.change),
            *self._optional("check", self.check),
            ("  question or title", ""),
        ]
        return _fill([(text, "dim") for text, _ in words], self.width)

    def line(self, job: Json, age: str) -> Strip:
        """The job's line."""
        is_over = job["state"] in {"landed", "dropped", "stopped"}
        style = "dim" if is_over else ""
        text, is_remark = said(job)
        parts = [
            (" " + fitted(f"#{job['number']}", self.number), "dim"),
            ("  " + fitted(_text(job, "state"), _STATE_CELLS), STATE_STYLES.get(job["state"], "")),
            *self._optional(_text(job, "agent"), self.agent, style),
            *self._optional(_text(job, "project"), self.project, style),
            *self._optional(_text(job, "where"), self.machine, style),
            (f"  {age:>{_AGE_CELLS}}", "dim"),
            *self._optional(change(job), self.change, style),
            *self._optional(check_word(job), self.check, _CHECK_STYLES.get(check_word(job), "dim")),
            ("  " + text, STATE_STYLES.get(job["state"], "").replace("bold ", "") if is_remark else style),
        ]
        return _fill(parts, self.width)

    def _optional(self, text: str, width: int, style: str = "") -> list[tuple[str, str]]:
        return [("  " + fitted(text, width), style)] if width else []


def age_of(job: Json, now_ms: int) -> str:
    """``4s``, ``3m``: how long it works or waits, as ``aios jobs`` counts it."""
    worked = worked_ms(job, now_ms)
    return duration(worked) if worked else ""


def said(job: Json) -> tuple[str, bool]:
    """What the person should read first of the job; whether that is a remark and not its title."""
    if job.get("away"):
        return _text(job, "away"), True
    for name in _REMARKS.get(job["state"], ()):
        if job.get(name):
            return _text(job, name), True
    return f"{_text(job, 'title')}  {_text(job, 'progress')}".rstrip(), False


def _widest(name: str, texts: Iterable[str], widest: dict[str, int]) -> int:
    return min(max([len(name), *(cell_len(output.clean(text)) for text in set(texts))]), widest[name])


def _needed(name: str, texts: Iterable[str]) -> int:
    """No column where there is nothing to show in it."""
    widest = max(map(len, texts), default=0)
    return max(widest, len(name)) if widest else 0


def _fill(parts: list[tuple[str, str]], width: int) -> Strip:
    """The pieces as a line of exactly that width; what does not fit is cut with ``…``."""
    left, kept = width, list[tuple[str, str]]()
    for text, style in parts:
        text = output.clean(text)
        kept.append((text if cell_len(text) <= left else fitted(text, left), style))
        left -= cell_len(kept[-1][0])
    return pieces([*kept, (" " * left, "")])


def _text(job: Json, name: str) -> str:
    return output.clean(job.get(name) or "")
