"""``aios review``: what is in review, one after another."""

from __future__ import annotations

import argparse
import re

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.reviewing import Review, in_review, run_path
from aios_app.domain.errors import ConflictError

EXAMPLES = (
    "aios review           all jobs in review, those first that were not put off",
    "aios review r3        only those of one run",
    "aios review 7         all, beginning with job 7",
    "aios review --json    the same jobs in this order, without a terminal",
)

_KEYS = """

For each job: its prompt, the agent's last message, its check and its diff; then
a letter and Enter:
  l  land it; `l fix the login` gives the commit this message
  s  skip: it comes last the next time
  r  reply: `r add a test too` is a further turn of its agent
  a  attach to its agent, then come back to the same job
  d  drop it; it stays in the trash for 30 days
  v  view its diff again
  q  quit; what was not decided is there the next time
Landings go on while you look at the next job."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``review``."""
    parser.description = (parser.description or "") + _KEYS
    parser.add_argument(
        "run", nargs="?", default="", metavar="r3|JOB", help="only the jobs of this run; this one first"
    )
    parser.add_argument("--json", action="store_true", help="print the jobs in their order, and ask nothing")


def run(args: argparse.Namespace) -> int:
    """Leads through the jobs; exit code 1 where a landing that was asked for did not land."""
    is_number = bool(re.fullmatch(r"\d{1,9}", args.run, re.ASCII))
    client, path = session.client(), run_path("" if is_number else args.run)
    if args.json:
        output.say_json({"v": 1, "jobs": in_review(client, path)})
        return exits.DONE
    if not terminal.is_interactive():
        raise ConflictError(
            "a review needs a terminal. Without one: aios jobs, aios diff JOB, aios land JOB, aios send JOB"
        )
    return Review(client, path, int(args.run) if is_number else 0).lead()
