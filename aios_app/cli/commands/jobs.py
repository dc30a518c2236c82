"""``aios jobs``: the jobs, what needs you first."""

from __future__ import annotations

import argparse
import re
from functools import partial

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Client, Json, StackDown, caller_directory
from aios_app.cli.job_lines import job_lines
from aios_app.cli.machine_words import mark_unreachable, name_machines

EXAMPLES = (
    "aios jobs             what is not landed or dropped, and today's",
    "aios jobs r3          all of one run",
    "aios jobs 7 9         these, by number or name",
    "aios jobs -r --wide   what still works, with base, branch and worktree",
    "aios jobs --follow    then every change, as it comes",
)
#: Lines that a person is shown without asking for all of them.
_MOST = 500
TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from collections.abc import Callable


#: States that a scope leaves out.
_HIDDEN = {
    "default": {"landed", "dropped"},
    "running": {"landed", "dropped", "review", "failed", "stopped", "lost"},
    "all": set[str](),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``jobs``."""
    parser.add_argument("refs", nargs="*", metavar="JOB", help="only these: r3, a number, a name")
    parser.add_argument("-r", "--running", action="store_true", help="leave out what is in review or over")
    parser.add_argument(
        "--all", action="store_true", help="also more than 500, and what landed or was dropped before today"
    )
    parser.add_argument("--runs", action="store_true", help="list the runs instead")
    parser.add_argument("--follow", action="store_true", help="stay, and print each change")
    parser.add_argument("--wide", action="store_true", help="more of each job")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists jobs or runs, from disk where the stack is down."""
    if args.runs:
        return _list_runs(is_json=args.json)
    if args.follow:
        from aios_app.cli.commands.jobs_follow import follow

        return follow(partial(_ask, args), _is_wanted(args.refs), is_wide=args.wide, is_json=args.json)
    answer = _read(args, most=0 if args.all or args.json else _MOST)
    if args.json:
        output.say_json(answer)
    else:
        show(answer, is_wide=args.wide)
        _say_left_out(answer.get("left_out", {}))
    return exits.DONE


def _say_left_out(counts: dict[str, int]) -> None:
    if counts:
        states = "  ".join(f"{count} {state}" for state, count in counts.items())
        output.note(f"and {sum(counts.values())} more: {states}   next: aios jobs --all   aios jobs --runs")


def show(answer: Json, *, is_wide: bool = False) -> None:
    """The jobs of an answer as lines."""
    if not answer["jobs"]:
        output.note('no jobs: aios all c:1 "your task", or aios jobs --all')
        return
    mark_unreachable(answer)
    name_machines(answer["jobs"], answer.get("machines", ()))
    output.say("\n".join(job_lines(answer["jobs"], answer["now_ms"], is_wide=is_wide)))


def _run_number(refs: list[str]) -> int | None:
    """Where one run is all that is asked for."""
    is_run = len(refs) == 1 and re.fullmatch(r"r\d{1,9}", refs[0], re.ASCII)
    return int(refs[0][1:]) if is_run else None


def _is_wanted(refs: list[str]) -> Callable[[Json], bool] | None:
    """Which jobs are followed besides those that were there at first; None: no others."""
    run = _run_number(refs)
    if refs and run is None:
        return None
    return lambda job: run is None or job["run"] == run


def _scope(args: argparse.Namespace) -> str:
    if args.running:
        return "running"
    return "all" if args.all or args.refs else "default"


def _read(args: argparse.Namespace, most: int) -> Json:
    try:
        return _ask(args, session.client(), most)
    except StackDown:
        output.note("the stack is down: aios up. On disk:")
        return _saved(args)


def _ask(args: argparse.Namespace, client: Client, most: int = 0) -> Json:
    number = _run_number(args.refs)
    if not args.refs or number is not None:
        run = "" if number is None else f"&run={number}"
        return client.get(f"/jobs?scope={_scope(args)}{run}{f'&most={most}' if most else ''}")
    answer = client.post("/jobs/find", {"refs": args.refs, "cwd": caller_directory()})
    return {**answer, "jobs": _in_scope(args, answer["jobs"])}


def _saved(args: argparse.Namespace) -> Json:
    answer = on_disk.jobs()
    wanted = [job for job in answer["jobs"] if not args.refs or _is_meant(job, args.refs)]
    return {**answer, "jobs": _in_scope(args, wanted)}


def _is_meant(job: Json, refs: list[str]) -> bool:
    """As well as it can be told without the stack."""
    numbers = {str(job["number"]), f"r{job.get('run')}"}
    names = [ref for ref in refs if not re.fullmatch(r"r?\d+", ref, re.ASCII)]
    return not numbers.isdisjoint(refs) or any(name in job.get("name", "") for name in names)


def _in_scope(args: argparse.Namespace, jobs: list[Json]) -> list[Json]:
    hidden = _HIDDEN[_scope(args)]
    return [job for job in jobs if job.get("state") not in hidden]


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
