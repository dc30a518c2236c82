"""``aios revert``: undo by new commits what a job landed, or the last commits of this branch."""

from __future__ import annotations

import argparse
import re

from aios_app.cli import checkout_verbs, landing, session
from aios_app.cli.waiting import find
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios revert           the last commit of this branch",
    "aios revert -n 3      its last three; a landing is one",
    "aios revert '#7'      what job 7 landed, where it landed",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``revert``."""
    parser.add_argument("what", nargs="?", default="", metavar="N|JOB", help="how many commits, or a job")
    parser.add_argument("-n", "--count", type=int, metavar="N", help="how many commits of this branch")
    checkout_verbs.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Names what is undone and asks; of a job it is undone on the remote, of this branch only here."""
    if args.what and args.count is not None:
        raise UsageError("revert commits with -n N, or what a job landed, not both")
    count = args.count if args.count is not None else _count(args.what)
    if count is not None:
        return checkout_verbs.revert_commits(count, is_sure=args.yes, is_json=args.json)
    body = {"ref": args.what.removeprefix("#")}
    return landing.carry_out("/jobs/revert", body, is_sure=args.yes, is_json=args.json)


def _count(word: str) -> int | None:
    """How many commits the word means; None: it names a job. One that may be both is refused."""
    if not word:
        return 1
    if not re.fullmatch(r"\d{1,9}", word, re.ASCII):
        return None
    if _is_job(word):
        raise UsageError(f"{word} may be commits or a job: aios revert -n {word}, or aios revert '#{word}'")
    return int(word)


def _is_job(word: str) -> bool:
    try:
        session.write(lambda client: {"jobs": find(client, [word], "/")})
    except UsageError:
        return False
    return True
