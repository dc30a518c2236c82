"""``aios scan``: find git repositories that could be added."""

from __future__ import annotations

import argparse
import shlex

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.table import table

EXAMPLES = ("aios scan", "aios scan ~/code", "aios scan ~/code --add")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``scan``."""
    parser.add_argument(
        "directory", nargs="?", default=".", metavar="DIRECTORY", help="where to look (default: here)"
    )
    parser.add_argument("--add", action="store_true", help="add all that are new")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists what it finds, or adds it."""
    body = {"path": args.directory, "cwd": caller_directory()}
    answer = session.write(lambda client: client.post("/scan", body))
    if args.json:
        output.say_json(answer)
        return exits.DONE
    found: list[Json] = answer["repositories"]
    _show(found, answer["directory"])
    new = [str(repository["path"]) for repository in found if not repository["is_saved"]]
    return _add_all(new) if args.add and new else _say_next(new)


def _show(found: list[Json], directory: str) -> None:
    if not found:
        output.note(f"no git repositories in {output.clean(directory)}")
    rows = [("saved" if one["is_saved"] else "new", one["name"], one["path"]) for one in found]
    for line in table(rows, terminal.size()[0], is_path_last=True):
        output.say(line)


def _add_all(paths: list[str]) -> int:
    from aios_app.cli.commands.add import run as add

    return add(argparse.Namespace(paths=paths, json=False))


def _say_next(paths: list[str]) -> int:
    if paths:
        shown = paths[0] if len(paths) == 1 else "PATH..."
        output.note(
            f"next: aios add {shlex.quote(shown) if len(paths) == 1 else shown}, or all: aios scan --add"
        )
    return exits.DONE
