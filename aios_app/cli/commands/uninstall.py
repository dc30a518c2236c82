"""``aios uninstall``: remove the links and the completions."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.commands.install import checkout

EXAMPLES = ("aios uninstall     projects, worktrees and data stay",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``uninstall`` has no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes them
    """Removes what ``install`` made, and only that."""
    from aios_app.stack.completion import uninstall_completion
    from aios_app.stack.install import uninstall

    removed = uninstall(session.settings(), checkout()) + uninstall_completion(session.settings())
    for link in removed:
        output.say(f"removed {output.clean(link)}")
    if not removed:
        output.say("there was nothing of ours")
    return exits.DONE
