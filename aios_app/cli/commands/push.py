"""``aios push``: commit everything here and push it."""

from __future__ import annotations

import argparse

from aios_app.cli import checkout_verbs

EXAMPLES = ("aios push", 'aios push "fix the login redirect"', "aios push -y")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``push``."""
    parser.add_argument("message", nargs="?", default="", help="of the commit; else: Update DIRECTORY")
    checkout_verbs.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Names what is new, asks, commits and pushes to the upstream of the branch; nothing is forced."""
    fields = {"message": args.message}
    return checkout_verbs.carry_out("/checkout/push", fields, is_sure=args.yes, is_json=args.json)
