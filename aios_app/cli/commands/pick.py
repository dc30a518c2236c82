"""``aios pick``: land one of several candidates and drop the others."""

from __future__ import annotations

import argparse

from aios_app.cli import landing

EXAMPLES = (
    "aios compare r3   the candidates, best first",
    "aios pick 7",
    'aios pick 7 "add a greeting" -y',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``pick``."""
    parser.add_argument("job", metavar="JOB", help="a number, a part of a name, or .")
    parser.add_argument("message", nargs="?", default="", help="of the commits")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; who is dropped is still named")
    parser.add_argument("--json", action="store_true", help="print the landing as it ended")


def run(args: argparse.Namespace) -> int:
    """Names its rivals, those of its run in its project, asks, lands it, and puts them into the trash."""
    body = {"ref": args.job, "message": args.message}
    return landing.carry_out("/jobs/pick", body, is_sure=args.yes, is_json=args.json)
