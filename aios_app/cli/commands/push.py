"""``aios push``: commit everything here and push it; in a worktree of AIOS land it."""

from __future__ import annotations

import argparse

from aios_app.cli import checkout_verbs, session
from aios_app.cli.client import caller_directory
from aios_app.cli.landing import land
from aios_app.cli.waiting import find
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios push",
    'aios push "fix the login redirect"',
    "cd $(aios w7) && aios push   the same as aios land 7 --keep",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``push``."""
    parser.add_argument("message", nargs="?", default="", help="of the commit; else: Update DIRECTORY")
    checkout_verbs.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Names what is new, asks, commits and pushes to the upstream of the branch; nothing is forced."""
    if _is_worktree_of_a_job():
        return land(["."], message=args.message, is_kept=True, is_sure=args.yes, is_json=args.json)
    fields = {"message": args.message}
    return checkout_verbs.carry_out("/checkout/push", fields, is_sure=args.yes, is_json=args.json)


def _is_worktree_of_a_job() -> bool:
    """An agent may also work in the person's own checkout: that is pushed as any other."""
    try:
        [job] = session.write(lambda client: {"jobs": find(client, ["."], caller_directory())})["jobs"]
    except UsageError:
        return False
    return not job["is_in_place"]
