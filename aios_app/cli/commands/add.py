"""``aios add``: save git repositories as projects."""

from __future__ import annotations

import argparse
import shlex

from aios_app.cli import output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.each import for_each

EXAMPLES = ("aios add .", "aios add ~/code/shop ~/code/api")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``add``."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a git repository")
    parser.add_argument("--json", action="store_true", help="print the answers of the API, one per line")


def run(args: argparse.Namespace) -> int:
    """Saves each, and says base, whether a push would work, and what fresh worktrees may need."""
    return for_each(args.paths, lambda path: _add(path, is_json=args.json))


def _add(path: str, *, is_json: bool) -> None:
    body = {"path": path, "cwd": caller_directory()}
    answer = session.write(lambda client: client.post("/projects", body))
    if is_json:
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
