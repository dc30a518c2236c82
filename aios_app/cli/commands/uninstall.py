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
    from aios_app.stack.systemd import remove_unit

    removed = uninstall(session.settings(), checkout()) + uninstall_completion(session.settings())
    unit = remove_unit(session.settings())
    removed += unit
    for link in removed:
        output.say(f"removed {output.clean(link)}")
    if unit:
        output.say("systemd still has the unit in mind: systemctl --user daemon-reload")
    programs = session.settings().programs_dir
    if (programs / "releases").exists():
        output.say(f"what was built stays in {output.clean(programs)}: aios down, then remove it")
    if not removed:
        output.say("there was nothing of ours")
    return exits.DONE
