"""``aios prompt``: the prompt that an agent gets where none is given."""

from __future__ import annotations

import argparse
from pathlib import Path

from aios_app.cli import exits, on_disk, output, session
from aios_app.cli.client import quoted
from aios_app.domain.errors import UnknownAgent, UsageError

EXAMPLES = ("aios prompt", "aios prompt codex", "aios prompt codex -e", "aios prompt c --file task.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``prompt``."""
    parser.add_argument("agent", nargs="?", metavar="AGENT", help="a key or a name; default: all agents")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("-e", "--edit", action="store_true", help="change it in $EDITOR")
    change.add_argument("--file", metavar="F", help="take it from this file")
    change.add_argument("--reset", action="store_true", help="back to that of all agents")


def run(args: argparse.Namespace) -> int:
    """Shows the prompt, or changes it."""
    if args.agent is None:
        if args.edit or args.file or args.reset:
            raise UsageError("whose prompt? aios prompt AGENT -e")
        _show_all()
        return exits.DONE
    path = f"/config/{quoted(_name(args.agent) + '_prompt')}"
    if not (args.edit or args.file or args.reset):
        key = path.removeprefix("/config/")
        output.say(output.clean_block(session.read(path, lambda: on_disk.setting(key))["value"]).rstrip())
        return exits.DONE
    value = None if args.reset else _edited(path) if args.edit else _read(args.file)
    answer = session.write(lambda client: client.put(path, {"value": value}))
    output.say(f"{output.clean(answer['key'])}: {len(answer['value'])} characters")
    return exits.DONE


def _show_all() -> None:
    """Each prompt once, after the agents that have it."""
    agents: dict[str, list[str]] = {}
    for one in session.read("/config", on_disk.config)["values"]:
        if one["key"].endswith("_prompt"):
            agents.setdefault(one["value"], []).append(one["key"].removesuffix("_prompt"))
    for text, names in agents.items():
        output.note(output.clean(f"{', '.join(names)}:"))
        output.say(output.clean_block(text).rstrip())


def _name(word: str) -> str:
    """The agent's name, which begins that of its setting."""
    for agent in session.read("/agents", on_disk.agents)["agents"]:
        if word in {agent["key"], agent["name"]}:
            return str(agent["name"])
    raise UnknownAgent(f"there is no agent {output.clean(word)}: see aios agents")


def _edited(path: str) -> str:
    from aios_app.cli.interaction import edited

    return edited(session.write(lambda client: client.get(path))["value"])


def _read(name: str) -> str:
    try:
        return Path(name).read_bytes().decode("utf-8").rstrip("\n")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{output.clean(name)}: {error}") from error
