"""``aios import``: take over what the single-file ancestor saved."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import caller_directory

EXAMPLES = ("aios import ~/projects/aios", "aios import ~/projects/aios/data")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``import``."""
    parser.add_argument(
        "directory", metavar="DIRECTORY", help="where aio.py or its aio.db is; it is only read"
    )
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Takes over what is not there yet, and says what was taken, kept and skipped."""
    body = {"path": args.directory, "cwd": caller_directory()}
    answer = session.write(lambda client: client.post("/import", body))
    if args.json:
        output.say_json(answer)
        return exits.DONE
    for name in ("taken", "kept", "skipped"):
        for line in answer["report"][name]:
            output.say(output.clean(f"{name:8} {line}"))
    return exits.DONE
