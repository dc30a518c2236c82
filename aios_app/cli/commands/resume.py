"""``aios resume``: start ended agents again with their conversations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.interaction import confirm
from aios_app.cli.job_lines import went_wrong
from aios_app.cli.table import table
from aios_app.cli.waiting import find
from aios_app.domain.errors import UsageError

EXAMPLES = ("aios resume 7", "aios resume --all     after a reboot: all that it ended in their work")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``resume``."""
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument("--all", action="store_true", help="all whose session was lost; asks first")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Starts them, a few at a time; each sits at its prompt then, as it did."""
    if args.all == bool(args.jobs):
        raise UsageError("resume which? Name jobs, or --all")
    body = {"refs": args.jobs, "cwd": caller_directory(), "is_all": args.all}
    plan = session.write(lambda client: client.post("/jobs/resume", {**body, "is_dry_run": True}))
    for problem in plan["problems"]:
        output.note(output.clean(problem["message"]))
    numbers = [int(job["number"]) for job in plan["jobs"]]
    if not numbers:
        output.say("nothing to resume")
        return exits.FAILED if plan["problems"] else exits.DONE
    if args.all and not _is_wanted(plan, is_sure=args.yes):
        return exits.FAILED
    client, at_once = session.client(), int(plan["at_once"])
    codes = [_resume(client, numbers[at : at + at_once]) for at in range(0, len(numbers), at_once)]
    return max(codes) or (exits.FAILED if plan["problems"] else exits.DONE)


def _is_wanted(plan: Json, *, is_sure: bool) -> bool:
    jobs = plan["jobs"]
    rows = [(f"#{job['number']}", job["project"], job["agent"], job["title"]) for job in jobs]
    for line in table(rows, terminal.size()[0]):
        output.say(line)
    agents = "1 agent" if len(jobs) == 1 else f"{len(jobs)} agents, {plan['at_once']} at a time"
    return confirm(f"Start {agents}, with their conversations?", is_sure=is_sure)


def _resume(client: Client, numbers: Sequence[int]) -> int:
    """Starts these and waits until each is there, or is not."""
    words, left, code = [str(number) for number in numbers], set(numbers), exits.DONE
    is_sent = False

    def read() -> list[Json]:
        nonlocal is_sent, code
        if not is_sent:
            answer = client.post("/jobs/resume", {"refs": words, "cwd": "/"})
            is_sent = True
            left.intersection_update(int(job["number"]) for job in answer["jobs"])
            code = exits.FAILED if answer["problems"] else code
        return find(client, words, "/")

    for news in changes(client, read):
        for job in news:
            if job["number"] in left and (_is_back(job) or went_wrong(job)):
                left.discard(job["number"])
                output.say(output.clean(f"#{job['number']} {_outcome(job)}"))
                code = exits.FAILED if went_wrong(job) else code
        if not left:
            return code
    return code


def _is_back(job: Json) -> bool:
    return bool(job["is_open"]) and job["state"] != "preparing"


def _outcome(job: Json) -> str:
    return (
        f"{job['state']}: {job['cause']}"
        if went_wrong(job)
        else f"is back   next: aios attach {job['number']}"
    )
