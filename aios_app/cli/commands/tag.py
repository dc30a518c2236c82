"""``aios tag``: give a project tags."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import quoted

EXAMPLES = (
    "aios tag shop web",
    "aios tag shop web --remove old",
    'aios all c:1 --only web "update the licence"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``tag``."""
    parser.add_argument("project", metavar="PROJECT", help="a number or a name of aios p")
    parser.add_argument("tags", nargs="*", metavar="TAG", help="a tag to give it")
    parser.add_argument("--remove", action="append", default=[], metavar="TAG", help="a tag to take from it")


def run(args: argparse.Namespace) -> int:
    """Changes the tags and says what they are now; without any change it only says them."""
    body = {"add": args.tags, "remove": args.remove}
    path = f"/projects/{quoted(args.project)}/tags"
    project = session.write(lambda client: client.put(path, body))["project"]
    output.say(output.clean(f"{project['name']}: {' '.join(project['tags']) or 'no tags'}"))
    return exits.DONE
