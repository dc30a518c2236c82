"""``aios p``: the saved projects."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json
from aios_app.cli.table import table

EXAMPLES = ("aios p", "aios p --json", "aios p --renumber     close the gaps that removed projects left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``p``."""
    parser.add_argument("--renumber", action="store_true", help="number the projects 0, 1, 2... again")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the projects, from disk where the stack is down."""
    answer = _renumbered() if args.renumber else session.read("/projects", on_disk.projects)
    if args.json:
        output.say_json(answer)
    else:
        _show(answer["projects"])
    return exits.DONE


def _renumbered() -> Json:
    return session.write(lambda client: client.post("/projects/renumber", {}))


def _place(project: Json) -> str:
    """Its directory, with the machine where that is another one; else the address that any may clone."""
    if not project["path"]:
        return str(project["url"])
    return f"{project['machine']}:{project['path']}" if project.get("machine") else str(project["path"])


def _show(projects: list[Json]) -> None:
    if not projects:
        output.note("no projects: aios add PATH, or aios scan DIRECTORY")
    rows = [
        (p["number"], p["name"], p.get("branch") or "-", " ".join(p.get("tags", [])), _place(p))
        for p in projects
    ]
    for line in table(rows, terminal.size()[0], is_path_last=True):
        output.say(line)
    for project in projects:
        if project.get("problem"):
            output.note(f"{output.clean(project['name'])}: {output.clean(project['problem'])}")
