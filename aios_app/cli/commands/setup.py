"""``aios setup``: from a directory to a repository on its remote."""

from __future__ import annotations

import argparse

from aios_app.cli import checkout_verbs

EXAMPLES = ("aios setup", "aios setup git@github.com:me/shop.git", "aios setup ../shop.git -y")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``setup``."""
    parser.add_argument("url", nargs="?", default="", help="address that origin gets: a URL or a directory")
    checkout_verbs.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Makes what is missing: repository, first commit on ``main``, origin, the branch on origin."""
    return checkout_verbs.carry_out("/checkout/setup", {"url": args.url}, is_sure=args.yes, is_json=args.json)
