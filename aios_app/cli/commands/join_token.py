"""``aios join-token``: one line that lets one machine join."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session

EXAMPLES = (
    "aios join-token",
    "aios join-token --for 10m",
    "aios worker --join TOKEN     on the other machine",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``join-token``."""
    parser.add_argument("--for", dest="lasts", metavar="TIME", default="1h", help="such as 30m (default: 1h)")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Prints the token alone, so that it can be piped; what it is for goes to standard error."""
    answer = session.write(lambda client: client.post("/machines/token", {"lasts": args.lasts}))
    if args.json:
        output.say_json(answer)
        return exits.DONE
    output.say(output.clean(answer["token"]))
    output.note(f"good once, for {output.clean(args.lasts)}; on the other machine: aios worker --join TOKEN")
    return exits.DONE
