"""``aios pull``: make this checkout what origin has."""

from __future__ import annotations

import argparse

from aios_app.cli import checkout_verbs

EXAMPLES = ("aios pull", "aios pull -y", "aios trash restore shop     what went, in a worktree of its own")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``pull``."""
    checkout_verbs.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Fetches, names what will go, asks; what goes is in the trash, ignored files and stashes stay."""
    return checkout_verbs.carry_out("/checkout/pull", {}, is_sure=args.yes, is_json=args.json, suggests=False)
