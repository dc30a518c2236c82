"""``aios down``: stop the stack."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session

EXAMPLES = ("aios down", "aios down && aios up     start it afresh; agents go on meanwhile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``down`` has no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes them
    """Stops what runs, and says what that was."""
    from aios_app.stack.up import down

    stopped = down(session.settings())
    output.say(f"stopped {', '.join(stopped)}; agents go on in tmux" if stopped else "the stack was down")
    return exits.DONE
