"""``aios pr``: a pull request of a job's work."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.checkout_verbs import PATIENCE_S
from aios_app.cli.client import caller_directory
from aios_app.cli.person import environment

EXAMPLES = ("aios pr 7", "aios pr .             the worktree that I am in")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``pr``."""
    parser.add_argument("job", metavar="JOB", help="a number, a part of a name, or .")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Pushes the branch; opens the pull request by ``gh``, else says where to open it."""
    body = {"ref": args.job, "cwd": caller_directory(), "environment": environment()}
    answer = session.write(lambda client: client.post("/jobs/pr", body, timeout_s=PATIENCE_S))
    if args.json:
        output.say_json(answer)
        return exits.DONE
    output.say(output.clean(f"ok {answer['message']}"))
    if answer["url"]:
        verb = "ok pull request" if answer["is_open"] else "open it at"
        output.say(output.clean(f"{verb} {answer['url']}"))
    else:
        output.say("open the pull request where origin is hosted: its address is not known here")
    return exits.DONE
