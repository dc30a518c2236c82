"""``aios remove``: take projects off the list."""

from __future__ import annotations

import argparse

from aios_app.cli import output, session
from aios_app.cli.client import quoted
from aios_app.cli.each import for_each

EXAMPLES = ("aios remove shop", "aios remove 3 4")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``remove``."""
    parser.add_argument("projects", nargs="+", metavar="PROJECT", help="a number or a name of aios p")


def run(args: argparse.Namespace) -> int:
    """Removes each; numbers of the others stay."""
    return for_each(args.projects, _remove)


def _remove(ref: str) -> None:
    project = session.write(lambda client: client.delete(f"/projects/{quoted(ref)}"))["project"]
    place = project["path"] or project.get("url")
    output.say(output.clean(f"removed {project['number']} {project['name']} from the list; {place} stays"))
