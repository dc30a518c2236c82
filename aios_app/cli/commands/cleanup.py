"""``aios cleanup``: remove the worktrees that are done with."""

from __future__ import annotations

import argparse

from aios_app.cli.removing import remove

EXAMPLES = (
    "aios cleanup",
    "aios cleanup --older 14d -y",
    "aios cleanup --all      also what has not landed; names it",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``cleanup``."""
    parser.add_argument("--older", default="", metavar="TIME", help="only jobs at rest for so long, e.g. 14d")
    parser.add_argument("--all", action="store_true", help="also what has not landed, with all that is in it")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; what goes is still named")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Names what goes, asks, and puts it into the trash."""
    body = {"older": args.older, "is_all": args.all}
    return remove("/cleanup", body, is_sure=args.yes, is_json=args.json)
