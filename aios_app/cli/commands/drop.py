"""``aios w+``: remove worktrees without landing them."""

from __future__ import annotations

import argparse
import re

from aios_app.cli import session
from aios_app.cli.client import caller_directory
from aios_app.cli.removing import remove

EXAMPLES = (
    "aios w+ 7",
    "aios w+7              the same",
    "aios w+ r3 -y",
    "aios trash restore 7   brings it back",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``w+``."""
    parser.add_argument(
        "jobs", nargs="+", metavar="JOB|NAME", help="jobs, or the exact names of worktrees of no job"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; what goes is still named")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Names what goes, asks, and puts it into the trash."""
    names = _others(args.jobs)
    body = {
        "refs": [word for word in args.jobs if word not in names],
        "names": [word for word in args.jobs if word in names],
        "cwd": caller_directory(),
    }
    return remove("/jobs/drop", body, is_sure=args.yes, is_json=args.json)


def _others(words: list[str]) -> set[str]:
    """The words that are exact names of worktrees of no job."""
    unclear = [word for word in words if not re.fullmatch(r"\.|r?\d+", word, re.ASCII)]
    if not unclear:
        return set()
    answer = session.write(lambda client: client.get("/worktrees"))
    return {one["name"] for one in answer["worktrees"] if not one["job"]} & set(unclear)
