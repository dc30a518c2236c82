"""``aios doctor``: what is missing on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from aios_app.cli import exits, output, session
from aios_app.cli.client import StackDown

if TYPE_CHECKING:
    from aios_app.cli.client import Json
    from aios_app.stack.doctor import AgentProgram, Check

EXAMPLES = ("aios doctor", "aios doctor --quiet && aios up")

_MARKS = {True: "ok", False: "bad", None: "note"}
_COLOURS = {True: "green", False: "red", None: ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``doctor``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="only what is bad")
    parser.add_argument(
        "--database", metavar="FILE", help="take over this copy of a database first: whether that works"
    )


def run(args: argparse.Namespace) -> int:
    """Says what it found, each with the command that mends it; exit code 1 where something is bad."""
    from aios_app.stack.cluster_doctor import cluster_checks
    from aios_app.stack.doctor import checks

    if args.database:
        _take_over(args.database)
    found = [*checks(session.settings(), agents=programs()), *cluster_checks(session.settings())]
    for check in found:
        if check.ok is False or not args.quiet:
            show(check)
    return exits.FAILED if any(check.ok is False for check in found) else exits.DONE


def _take_over(path: str) -> None:
    """Raises ``StoreError`` where this version cannot: what it can is then of this version."""
    from pathlib import Path

    from aios_app.agents import DEFAULT_AGENTS
    from aios_app.store.catalog import Catalog

    Catalog(Path(path), default_agents=DEFAULT_AGENTS).close()


def show(check: Check) -> None:
    """A finding, and the command that mends it."""
    from aios_app.cli import terminal

    mark = output.paint(f"{_MARKS[check.ok]:4}", _COLOURS[check.ok], is_on=terminal.has_colour())
    output.say(f"{mark} {output.clean(f'{check.name:8} {check.says}')}")
    if check.mend and not check.ok:
        output.say(f"     mend it: {output.clean(check.mend)}")


def programs() -> dict[str, AgentProgram]:
    """What each agent needs, by its name."""
    from aios_app.cli import on_disk

    try:
        answer = session.client().get("/agents")
    except StackDown:
        answer = on_disk.agents()
    return {agent["name"]: _program(agent) for agent in answer["agents"]}


def _program(data: Json) -> AgentProgram:
    from aios_app.agents import install_command, module_for
    from aios_app.domain.models import Agent
    from aios_app.stack.doctor import AgentProgram

    agent = Agent.from_json({name: data[name] for name in data if name != "problem"})
    module = module_for(agent)
    home = session.settings().home
    return AgentProgram(
        program=agent.argv[0],
        install=install_command(agent),
        tried=module.tried,
        needs=lambda environ: ((need.ok, need.says, need.mend) for need in module.ready(home, environ)),
    )
