"""``aios x``: end all agents."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.commands.stop import stop
from aios_app.cli.interaction import confirm
from aios_app.cli.job_lines import is_live

EXAMPLES = ("aios x", "aios x -y")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``x``."""
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Asks, then stops every job that works, waits or has its agent open; worktrees stay."""
    answer = session.write(lambda client: client.get("/jobs?scope=all"))
    refs = [str(job["number"]) for job in answer["jobs"] if is_live(job) or job.get("is_open")]
    if not refs:
        output.say("nothing runs")
        return exits.DONE
    jobs = "1 job" if len(refs) == 1 else f"{len(refs)} jobs"
    if not confirm(f"Stop {jobs}? Their worktrees stay.", is_sure=args.yes):
        return exits.FAILED
    return stop(refs)
