"""``aios add``: save git repositories, or their addresses, as projects."""

from __future__ import annotations

import argparse
import shlex

from aios_app.cli import output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.each import for_each
from aios_app.domain.addresses import is_address

EXAMPLES = (
    "aios add .",
    "aios add ~/code/shop ~/code/api",
    "aios add /srv/wiki --machine pi           a path of another machine",
    "aios add git@github.com:me/shop.git       any machine may clone it",
    "aios add ~/code/shop --anywhere           both: here, and clones of its origin",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``add``."""
    parser.add_argument("paths", nargs="+", metavar="PATH|URL", help="a git repository, or its address")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--machine", default="", metavar="M", help="the path is on machine M")
    place.add_argument("--anywhere", action="store_true", help="other machines may clone its origin")
    parser.add_argument("--name", default="", metavar="N", help="what an address is called; default: its end")
    parser.add_argument("--json", action="store_true", help="print the answers of the API, one per line")


def run(args: argparse.Namespace) -> int:
    """Saves each, and says base, whether a push would work, and what fresh worktrees may need."""
    return for_each(args.paths, lambda word: _add(word, args))


def _add(word: str, args: argparse.Namespace) -> None:
    body = {"cwd": caller_directory(), "machine": args.machine, "is_anywhere": args.anywhere}
    body |= {"url": word, "name": args.name} if is_address(word) else {"path": word}
    answer = session.write(lambda client: client.post("/projects", body))
    if args.json:
        output.say_json(answer)
    else:
        _show(answer["project"], answer.get("facts", {}))


def _show(project: Json, facts: Json) -> None:
    push = str(facts.get("push") or "")
    said = [str(facts.get("base") or ""), "push ok" if push == "ok" else push]
    output.say(output.clean("  ".join([f"{project['number']} {project['name']}", *filter(None, said)])))
    if facts.get("setup_hint"):
        words = shlex.join(["aios", "config", f"{project['name']}.setup", str(facts["setup_hint"])])
        output.say(output.clean(f"  do fresh worktrees need it? {words}"))
