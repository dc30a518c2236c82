"""``aios ls``: the tmux sessions of AIOS on all machines."""

from __future__ import annotations

import argparse
import shlex

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json
from aios_app.cli.machine_words import machine_cells
from aios_app.cli.table import table

EXAMPLES = ("aios ls", "aios ls --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``ls``."""
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the sessions, each with the line that attaches, on this machine by tmux alone."""
    answer = session.read("/sessions", _saved)
    if args.json:
        output.say_json(answer)
    else:
        _show(answer["sessions"])
        for problem in answer.get("problems", []):
            output.note(output.clean(problem))
    return exits.DONE


def _show(sessions: list[Json]) -> None:
    if not sessions:
        output.note("no sessions")
    width = terminal.size()[0]
    rows = [
        (f"#{s['job']}" if s.get("job") else "-", *machine, _windows(s), _attached(s), s["path"])
        for s, machine in zip(sessions, machine_cells(sessions), strict=True)
    ]
    for line, one in zip(table(rows, width, is_path_last=True), sessions, strict=True):
        output.say(line)
        if one.get("attach"):
            output.say(f"    {output.clean(one['attach'])}")


def _windows(one: Json) -> str:
    count = int(one.get("windows") or 1)
    return f"{count} window{'s' if count > 1 else ''}"


def _attached(one: Json) -> str:
    return "attached" if one.get("attached") else "detached"


def _saved() -> Json:
    jobs = [job for job in on_disk.jobs()["jobs"] if job.get("is_open")]
    return {"v": 1, "sessions": [_session_of(job) for job in jobs]}


def _session_of(job: Json) -> Json:
    name = str(job.get("name", ""))
    attach = shlex.join(["tmux", "-S", str(session.settings().tmux_socket), "attach", "-t", f"={name}"])
    return {"name": name, "job": job["number"], "path": job.get("worktree", ""), "attach": attach}
