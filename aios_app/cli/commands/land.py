"""``aios land``: commit, merge into the base, check, push, verify, and only then remove the worktree."""

from __future__ import annotations

import argparse
import re

from aios_app.cli import landing, session
from aios_app.cli.client import caller_directory
from aios_app.cli.waiting import find
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios land 7",
    'aios land 7 "fix the login redirect"   the message of the commits',
    "aios land r3 --passed                  all in review whose check passed",
    "aios land 7 --resolve                  a conflict is given to its agent",
    "aios land . --keep                     from inside its worktree, which stays",
)
_STEPS = """

Commits what is not committed, merges it into the base in a worktree beside
yours, runs the project's check there, pushes without force, looks whether it is
on the remote, and only then removes worktree and branch (30 days: aios trash).
A conflict or a red check lands nothing. One after another where several land.
Exit codes: 0 landed, 1 red check, 3 conflict or refused, 4 git or remote."""
_REF = re.compile(r"r?\d+|\.", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``land``."""
    parser.description = (parser.description or "") + _STEPS
    add = parser.add_argument
    add("words", nargs="+", metavar="WORD", help="the jobs: a number, a part of a name, r3, .; a message")
    add("--keep", action="store_true", help="worktree and branch stay, and the job in review")
    add("--resolve", action="store_true", help="give a conflict to the job's agent as a further turn")
    add("--passed", action="store_true", help="only those in review whose check passed")
    add("-y", "--yes", action="store_true", help="do not ask")
    add("--json", action="store_true", help="print the landings as they ended")


def run(args: argparse.Namespace) -> int:
    """Lands them in the order of their lines; Ctrl-C leaves the landings going."""
    refs, message = _split(args.words)
    return landing.land(
        refs,
        message=message,
        is_kept=args.keep,
        resolves=args.resolve,
        only_passed=args.passed,
        is_sure=args.yes,
        is_json=args.json,
    )


def _split(words: list[str]) -> tuple[list[str], str]:
    """The jobs, and the message where the last word, after another one, is no job."""
    last = words[-1]
    if len(words) == 1 or _REF.fullmatch(last):
        return words, ""
    if any(char.isspace() for char in last) or not _is_job(last):
        return words[:-1], last
    return words, ""


def _is_job(word: str) -> bool:
    try:
        session.write(lambda client: {"jobs": find(client, [word], caller_directory())})
    except UsageError:
        return False
    return True
