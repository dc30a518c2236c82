"""``aios multi``: several agents in one project."""

from __future__ import annotations

import argparse

from aios_app.cli import launch

EXAMPLES = (
    'aios multi c:2 l:1 "fix the login redirect"     in the project that I am in',
    'aios multi shop c:2 "fix the login redirect"',
    'aios multi shop c:1 l:1 --seq --limit 2h "task"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``multi``."""
    launch.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Starts the run in one project."""
    return launch.start(args, "multi")
