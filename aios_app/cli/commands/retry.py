"""``aios retry``: a new attempt."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import caller_directory
from aios_app.cli.job_lines import job_lines

EXAMPLES = (
    "aios retry 7",
    "aios retry r3             what failed of a run",
    "aios retry 7 --agent l --fresh",
    "aios retry 7 --machine pi   there, with what was pushed of its work",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``retry``."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument("--agent", default="", metavar="AGENT", help="by this agent instead")
    parser.add_argument("--fresh", action="store_true", help="in a new worktree")
    parser.add_argument("--machine", default="", metavar="M", help="on another machine")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Starts the attempts, and says which jobs could not be tried again."""
    body = {
        "refs": args.jobs,
        "cwd": caller_directory(),
        "agent": args.agent,
        "is_fresh": args.fresh,
        "machine": args.machine,
    }
    answer = session.write(lambda client: client.post("/jobs/retry", body))
    if args.json:
        output.say_json(answer)
    else:
        queued = [{**job, "reason": ""} for job in answer["jobs"]]  # whether it has to wait is not known yet
        for line in job_lines(queued, 0):
            output.say(line)
    for problem in answer["problems"]:
        output.note(output.clean(problem["message"]))
    return exits.FAILED if answer["problems"] else exits.DONE
