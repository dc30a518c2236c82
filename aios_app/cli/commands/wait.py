"""``aios wait``: return when jobs have finished."""

from __future__ import annotations

import argparse
import time

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.job_lines import is_checked, is_live, is_measured
from aios_app.cli.waiting import code_of, find, outcome_line, until_finished
from aios_app.domain.specs import parse_duration

EXAMPLES = ("aios wait 7", "aios wait r3 --timeout 30m && echo all of it is in review")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``wait``."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument(
        "--timeout", metavar="S", help="give up after so many seconds, or 15m, 2h: exit code 1"
    )
    parser.add_argument("--json", action="store_true", help="print the jobs as the API answers them")


def run(args: argparse.Namespace) -> int:
    """Says of each job what came of it; exit code 1 where one failed or time ran out."""
    client, cwd = session.client(), caller_directory()
    deadline = time.monotonic() + parse_duration(args.timeout) if args.timeout else None
    jobs: dict[int, Json] = {}
    told: dict[int, str] = {}
    try:
        for _, jobs in until_finished(client, lambda: find(client, args.jobs, cwd), deadline):
            for job in jobs.values():
                if is_measured(job) and is_checked(job):
                    _tell(job, told, is_json=args.json)
    except TimeoutError:
        late = ", ".join(filter(None, map(_late, jobs.values())))
        output.note(f"not finished after {args.timeout}: {output.clean(late)}")
        return exits.FAILED
    for job in jobs.values():
        _tell(job, told, is_json=args.json)
    return code_of(jobs.values())


def _late(job: Json) -> str:
    """Why the wait was not over for this one; empty where it was."""
    name = f"#{job['number']} {job['state']}"
    return name if is_live(job) else "" if is_checked(job) else f"{name} (its check is not over)"


def _tell(job: Json, told: dict[int, str], *, is_json: bool) -> None:
    """Says once what came of the job, or that it waits for an answer."""
    if told.get(job["number"]) == job["state"]:
        return
    told[job["number"]] = job["state"]
    if job["state"] == "waiting":
        question = f": {job['question']}" if job.get("question") else ""
        output.note(output.clean(f"#{job['number']} waits for an answer{question}"))
    elif not is_live(job):
        output.say_json(job) if is_json else output.say(outcome_line(job))
