"""``aios all``: agents in every saved project."""

from __future__ import annotations

import argparse

from aios_app.cli import launch

EXAMPLES = (
    'aios all c:2 "fix the failing tests"',
    'aios all c:1 l:1 --only web --except legacy --seq "update the licence"',
    "aios all c:1 --prompt-file task.md --wait",
    'aios all c:1 --dry-run "task"',
    'aios all c:1 --machine pi "task"       only there',
    'aios all c:1 "task" -- --model o5     arguments for the agent',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``all``."""
    launch.add_arguments(parser)
    add = parser.add_argument
    add("--only", action="append", default=[], metavar="P", help="only these projects: names, patterns, tags")
    add("--except", action="append", default=[], dest="exclude", metavar="P", help="all but these projects")


def run(args: argparse.Namespace) -> int:
    """Starts the run over all projects."""
    return launch.start(args, "all")
