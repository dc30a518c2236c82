"""``aios logs``: what a job said."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, on_disk, output, session
from aios_app.cli.client import Client, Json, StackDown, caller_directory
from aios_app.cli.waiting import find
from aios_app.domain.errors import StackError

EXAMPLES = ("aios logs 7", "aios logs 7 | tail -20", "aios logs r3", "aios logs 7 --check")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``logs``."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument("--check", action="store_true", help="what the check of its work said")
    parser.add_argument("--json", action="store_true", help="print the answers of the API, one per line")


def run(args: argparse.Namespace) -> int:
    """Prints the logs; where the stack is down, the last screens that were kept."""
    try:
        answers = _answers(session.client(), args.jobs, "?of=check" if args.check else "")
    except StackDown:
        output.note("the stack is down: aios up. On disk:")
        answers = [_saved(ref, is_check=args.check) for ref in args.jobs]
    for answer in answers:
        if args.json:
            output.say_json(answer)
        else:
            _show(answer)
    return exits.DONE


def _answers(client: Client, refs: list[str], query: str) -> list[Json]:
    numbers = [job["number"] for job in find(client, refs, caller_directory())]
    return [client.get(f"/jobs/{number}/log{query}") for number in numbers]


def _show(answer: Json) -> None:
    job = answer["job"]
    output.note(output.clean(f"#{job['number']} {job['project']} {job['agent']}: {answer['source']}"))
    text = output.clean_block(answer["text"]).rstrip()
    if text:
        output.say(text)


def _saved(ref: str, *, is_check: bool) -> Json:
    for job in on_disk.jobs()["jobs"]:
        if ref in {str(job["number"]), job.get("name")}:
            directory = session.settings().jobs_dir / str(job["number"])
            path = directory / ("check.log" if is_check else f"{job.get('attempt')}/screen.txt")
            text = path.read_text(errors="replace") if path.exists() else ""
            return {"v": 1, "job": job, "source": "check" if is_check else "last screen", "text": text}
    raise StackError(f"there is no record of job {ref}: aios up, then aios logs {ref}")
