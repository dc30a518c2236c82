"""``aios 3``: a shell in a project."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, session
from aios_app.cli.client import Json
from aios_app.cli.shell import open_shell
from aios_app.domain.errors import UnknownProject, UsageError

EXAMPLES = ("aios 3", "aios shell shop", "cd $(aios 3)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``shell``."""
    parser.add_argument("project", metavar="NUMBER", help="a number or a name of aios p")


def run(args: argparse.Namespace) -> int:
    """Opens the shell, or prints the path where there is no terminal."""
    for project in session.read("/projects", on_disk.projects)["projects"]:
        if args.project in {str(project["number"]), project["name"]}:
            _check_here(project)
            open_shell(project["path"], f"project {project['name']}")
            return exits.DONE
    raise UnknownProject(f"there is no project {args.project}: see aios p")


def _check_here(project: Json) -> None:
    name = project["name"]
    if project.get("machine"):
        raise UsageError(f"{name} is on machine {project['machine']}, at {project['path']}")
    if not project["path"]:
        raise UsageError(f"{name} has no directory of its own, any machine clones it: aios c++ {name}")
