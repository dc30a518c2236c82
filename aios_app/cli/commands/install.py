"""``aios install``: make ``aios`` a command."""

from __future__ import annotations

import argparse
from pathlib import Path

import aios_app
from aios_app.cli import exits, output, session

EXAMPLES = (
    "./aios install           in the checkout",
    "aios install --systemd   and let systemd start it: docs/updates.md",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``install``."""
    parser.add_argument(
        "--systemd", action="store_true", help="also write a user unit for systemd; nothing is enabled"
    )


def run(args: argparse.Namespace) -> int:
    """Makes the links, and says what to add to PATH where that is needed."""
    from aios_app.stack.install import install

    report = install(session.settings(), checkout())
    for link in report.links:
        output.say(f"ok  {output.clean(link)}{' (in PATH)' if report.is_in_path else ''}")
    if report.advice:
        output.say(f"for new terminals, put it into PATH: {report.advice}")
    _install_completion()
    if args.systemd:
        _install_unit()
    output.say("note  agents run as you, without asking: SECURITY.md")
    _show_agents()
    output.say("next: aios add PATH   (or aios scan DIRECTORY: the repositories there)   more: aios doctor")
    return exits.DONE


def _install_completion() -> None:
    from aios_app.stack.completion import install_completion

    report = install_completion(session.settings())
    if report.shells:
        output.say(f"ok  Tab completes, in new terminals of {', '.join(report.shells)}")
    for file in report.kept:
        output.say(f"note  {output.clean(file)} is not of aios: left as it is")
    if report.advice:
        output.say(f"for Tab to complete, {report.advice}")


def _install_unit() -> None:
    import os

    from aios_app.stack.systemd import COMMANDS, write_unit

    path = write_unit(session.settings(), os.pathsep.join(os.get_exec_path()))
    output.say(f"ok  {output.clean(path)}; to begin, and to go on after you log out:")
    for command in COMMANDS:
        output.say(f"    {command}")


def _show_agents() -> None:
    """Of those that AIOS knows well: installed, logged in, or what does that."""
    from aios_app.cli.commands.doctor import programs, show
    from aios_app.stack.doctor import agent_checks

    known = {name: program for name, program in programs().items() if program.tried}
    for check in agent_checks(session.settings(), known):
        show(check)


def checkout() -> Path:
    """The directory that holds the package and the program ``aios``."""
    return Path(aios_app.__file__).resolve().parents[1]
