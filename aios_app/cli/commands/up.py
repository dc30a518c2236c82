"""``aios up``: start the stack."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session

EXAMPLES = ("aios up", "AIOS_REDIS_URL=redis://10.0.0.5 aios up     with a Redis of your own")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``up`` has no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes them
    """Returns when the stack is up, and says what runs."""
    from aios_app.stack.up import programs, up

    report = up(session.settings())
    took = f"stack up in {report.took_s:.1f} s" if report.started else "the stack is up already"
    output.say(f"{took}   redis: {report.engine}")
    for program in programs(session.settings()):
        output.say(f"  {program.name:12} {program.state:10} pid {program.pid or '-'}")
    web = session.client().get("/status").get("web", {})
    output.say(output.clean(f"  {'browsers':12} {web.get('url') or web.get('problem', '')}"))
    return exits.DONE
