"""``aios config``: the settings."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json, quoted
from aios_app.cli.table import table
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios config                        all settings, with what each is for",
    "aios config max_agents 8",
    'aios config shop.setup "npm ci"     what fresh worktrees of project shop need',
    "aios config max_agents --unset",
)

#: Longer values, such as prompts, are for `aios config KEY`.
_VALUE_CELLS = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``config``."""
    parser.add_argument("key", nargs="?", metavar="KEY", help="a setting; PROJECT.KEY is one of a project")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="its new value")
    parser.add_argument("--unset", action="store_true", help="back to the default")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Shows all settings or one, or changes one."""
    if args.unset and (args.key is None or args.value is not None):
        raise UsageError("--unset takes one KEY: aios config max_agents --unset")
    answer = _answer(args)
    if args.json:
        output.say_json(answer)
    elif args.key is None:
        _show(answer["values"])
    else:
        output.say(output.clean_block(str(answer["value"])))
    return exits.DONE


def _answer(args: argparse.Namespace) -> Json:
    if args.key is None:
        return session.read("/config", on_disk.config)
    path = f"/config/{quoted(args.key)}"
    if args.value is None and not args.unset:
        return session.read(path, lambda: on_disk.setting(args.key))
    return session.write(lambda client: client.put(path, {"value": args.value}))


def _show(values: list[Json]) -> None:
    rows = [
        (one["key"], output.fit(output.clean(one["value"] or "-"), _VALUE_CELLS), one.get("help", ""))
        for one in values
    ]
    for line in table(rows, terminal.size()[0]):
        output.say(line)
