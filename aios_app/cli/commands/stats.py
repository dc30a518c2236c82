"""``aios stats``: what came of the jobs, by project, run or day, and agent."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json
from aios_app.cli.job_lines import duration
from aios_app.cli.table import table
from aios_app.cli.tokens import money, short
from aios_app.domain.errors import UsageError

EXAMPLES = ("aios stats", "aios stats --days 7", "aios stats --by day", "aios stats --json")
_HEAD = ("agent", "jobs", "review", "failed", "landed", "dropped", "time", "tokens in/out")
_DAY_MS = 86_400_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``stats``."""
    parser.add_argument("--days", type=int, metavar="N", help="only jobs of the last N days")
    parser.add_argument("--by", choices=("project", "run", "day"), default="project", help="what rows are of")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Adds up jobs, time, tokens and money, from the jobs' records where the stack is down."""
    if args.days is not None and not 1 <= args.days <= 36_500:
        raise UsageError("--days: 1 or more")
    days = "" if args.days is None else f"&days={args.days}"
    answer = session.read(f"/stats?by={args.by}{days}", lambda: _saved(args.days, args.by))
    if args.json:
        output.say_json(answer)
    elif not answer["rows"]:
        output.note("no jobs: aios stats without --days counts all")
    else:
        _show(answer["rows"], args.by)
    return exits.DONE


def _show(rows: list[Json], by: str) -> None:
    from aios_app.domain.statistics import total

    lines = [_row(row, f"r{row[by]}" if by == "run" else row[by]) for row in rows]
    if len(rows) > 1:
        lines.append(_row({"agent": "", **total(rows)}, "all"))
    for line in table([(by, *_HEAD), *lines], terminal.size()[0]):
        output.say(line)


def _row(row: Json, group: str) -> tuple[object, ...]:
    counts = [row[name] or "-" for name in ("jobs", "review", "failed", "landed", "dropped")]
    time = duration(row["work_ms"]) if row["work_ms"] else "-"
    tokens = f"{short(row['tokens_in'])}/{short(row['tokens_out'])}" if row["tokens_in"] else "-"
    return group, row["agent"], *counts, time, f"{tokens} {money(row)}".rstrip()


def _saved(days: int | None, by: str) -> Json:
    from aios_app.domain.statistics import add_up

    answer = on_disk.jobs()
    since_ms = answer["now_ms"] - days * _DAY_MS if days is not None else 0
    return {"v": 1, "days": days, "by": by, "rows": add_up(answer["jobs"], since_ms=since_ms, by=by)}
