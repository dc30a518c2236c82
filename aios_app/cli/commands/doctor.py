"""``aios doctor``: what is missing on this machine."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import StackDown

EXAMPLES = ("aios doctor", "aios doctor && aios up")

_MARKS = {True: "ok", False: "bad", None: "note"}
_COLOURS = {True: "green", False: "red", None: ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor`` has no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes them
    """Says what it found, each with the command that mends it; exit code 1 where something is bad."""
    from aios_app.cli import terminal
    from aios_app.stack.doctor import checks

    found = checks(session.settings(), agents=_programs())
    for check in found:
        mark = output.paint(f"{_MARKS[check.ok]:4}", _COLOURS[check.ok], is_on=terminal.has_colour())
        output.say(f"{mark} {output.clean(f'{check.name:8} {check.says}')}")
        if check.mend and not check.ok:
            output.say(f"     mend it: {output.clean(check.mend)}")
    return exits.FAILED if any(check.ok is False for check in found) else exits.DONE


def _programs() -> dict[str, str]:
    """The program of each agent, by its name."""
    from aios_app.cli import on_disk

    try:
        answer = session.client().get("/agents")
    except StackDown:
        answer = on_disk.agents()
    return {agent["name"]: agent["argv"][0] for agent in answer["agents"]}
