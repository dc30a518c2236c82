"""``aios send``: type into running agents."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.job_lines import is_checked, went_wrong
from aios_app.cli.waiting import find, outcome_line
from aios_app.domain.errors import UsageError

EXAMPLES = (
    'aios send 7 "now add a test"',
    'aios send r3 "commit what you have" --wait',
    'aios send 7 8 "check this too: " --no-enter',
    "aios send 7 --keys Escape",
    'aios send 7 -- "-v is missing"     a text that begins with a dash',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``send``."""
    add = parser.add_argument
    add("words", nargs="+", metavar="WORD", help="the jobs: a number, a part of a name, r3, .; then the text")
    add(
        "--wait",
        action="store_true",
        help="stay until the turn is over, and checked; exit code 1 if one failed",
    )
    add("--no-enter", action="store_true", help="leave the text in the agent's input")
    add("--keys", nargs="+", default=[], metavar="KEY", help="press keys instead: Escape, C-c, Up, y, Enter")
    add("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Types, and says for each job whether it was delivered, or why not."""
    words = [*args.words, *args.rest]
    refs, text = (words, "") if args.keys else (words[:-1], words[-1])
    if not refs:
        raise UsageError('send what to whom? aios send JOB... "text"')
    if args.wait and (args.no_enter or args.keys):
        raise UsageError("--wait waits for the turn of a text that is submitted")
    body = {
        "refs": refs,
        "cwd": caller_directory(),
        "text": text,
        "is_submitted": not args.no_enter,
        "keys": args.keys,
    }
    answer = session.write(lambda client: client.post("/jobs/send", body))
    if args.json:
        output.say_json(answer)
    else:
        _show(answer["results"])
    delivered = [one for one in answer["results"] if one["is_delivered"]]
    code = _wait(session.client(), delivered) if args.wait and delivered else exits.DONE
    return code if len(delivered) == len(answer["results"]) else exits.FAILED


def _show(results: list[Json]) -> None:
    for one in results:
        line = output.clean(f"#{one['job']['number']} {one['message']}")
        output.say(line) if one["is_delivered"] else output.note(line)


def _wait(client: Client, delivered: list[Json]) -> int:
    """Waits for the end of the turns that were begun."""
    before = {one["job"]["number"]: int(one["turns"]) for one in delivered}
    words = [str(number) for number in before]
    failed = False
    for news in changes(client, lambda: find(client, words, "/")):
        for job in news:
            if job["state"] == "waiting":
                output.note(output.clean(f"#{job['number']} waits for an answer: {job.get('question', '')}"))
            if job["number"] in before and _is_over(job, before[job["number"]]):
                del before[job["number"]]
                failed = failed or went_wrong(job)
                output.say(outcome_line(job))
        if not before:
            break
    return exits.FAILED if failed else exits.DONE


def _is_over(job: Json, turns: int) -> bool:
    if not is_checked(job):
        return False
    return int(job["turns"]) > turns or went_wrong(job) or (job["state"] == "review" and not job["is_open"])
