"""``aios jobs``: the jobs, what needs you first."""

from __future__ import annotations

import argparse
import re

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json
from aios_app.cli.job_lines import job_lines
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios jobs             what is not landed or dropped, and today's",
    "aios jobs r3          all of one run",
    "aios jobs -r --wide   what still works, with base, branch and worktree",
    "aios jobs --follow    then every change, as it comes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``jobs``."""
    parser.add_argument("run", nargs="?", default="", metavar="r3", help="only the jobs of this run")
    parser.add_argument("-r", "--running", action="store_true", help="leave out what is in review or over")
    parser.add_argument("--all", action="store_true", help="also what was landed or dropped before today")
    parser.add_argument("--runs", action="store_true", help="list the runs instead")
    parser.add_argument("--follow", action="store_true", help="stay, and print each change")
    parser.add_argument("--wide", action="store_true", help="more of each job")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists jobs or runs, from disk where the stack is down."""
    if args.runs:
        return _list_runs(is_json=args.json)
    number = _run_number(args.run)
    if args.follow:
        from aios_app.cli.commands.jobs_follow import follow

        return follow(_path(args, number), number, is_wide=args.wide, is_json=args.json)
    answer = session.read(_path(args, number), lambda: _saved(args, number))
    if args.json:
        output.say_json(answer)
    else:
        show(answer, is_wide=args.wide)
    return exits.DONE


def show(answer: Json, *, is_wide: bool = False) -> None:
    """The jobs of an answer as lines."""
    if not answer["jobs"]:
        output.note('no jobs: aios all c:1 "your task", or aios jobs --all')
        return
    output.say("\n".join(job_lines(answer["jobs"], answer["now_ms"], is_wide=is_wide)))


def _run_number(word: str) -> int | None:
    if not word:
        return None
    if not re.fullmatch(r"r\d{1,9}", word, re.ASCII):
        raise UsageError(f"'{word}' is not a run: write r3. One job: aios logs {word}")
    return int(word[1:])


def _scope(args: argparse.Namespace, number: int | None) -> str:
    if args.running:
        return "running"
    return "all" if args.all or number is not None else "default"


def _path(args: argparse.Namespace, number: int | None) -> str:
    run = "" if number is None else f"&run={number}"
    return f"/jobs?scope={_scope(args, number)}{run}"


def _saved(args: argparse.Namespace, number: int | None) -> Json:
    hidden = {
        "default": {"landed", "dropped"},
        "running": {"landed", "dropped", "review", "failed", "stopped", "lost"},
        "all": set[str](),
    }[_scope(args, number)]
    answer = on_disk.jobs()
    wanted = [job for job in answer["jobs"] if number is None or job.get("run") == number]
    return {**answer, "jobs": [job for job in wanted if job.get("state") not in hidden]}


def _list_runs(*, is_json: bool) -> int:
    answer = session.client().get("/runs")
    if is_json:
        output.say_json(answer)
        return exits.DONE
    from aios_app.cli.table import table

    rows = [_run_row(run) for run in answer["runs"]]
    for line in table(rows, terminal.size()[0]):
        output.say(line)
    return exits.DONE


def _run_row(run: Json) -> tuple[str, ...]:
    states = " ".join(f"{count} {state}" for state, count in run["states"].items())
    order = f"stage {run['stage'] + 1}/{run['stages']}" if run["is_sequential"] else "parallel"
    return f"r{run['number']}", run["source"], order, states, f'"{run["title"]}"' if run["title"] else ""
