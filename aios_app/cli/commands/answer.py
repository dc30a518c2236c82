"""``aios answer``: answer an agent's questions by the person's patterns."""

from __future__ import annotations

import argparse
import time

from aios_app.cli import exits, output, session
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.job_lines import is_live
from aios_app.cli.waiting import find
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios config answers 'proceed? = y'",
    "aios answer 7          the question it asks now, or its next one",
    "aios answer 7 600      all questions of the next ten minutes",
    "aios answer 7 --always  all, until its work is over",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``answer``."""
    parser.add_argument("job", metavar="JOB", help="a number, a part of a name, or .")
    parser.add_argument("seconds", nargs="?", type=float, metavar="SECONDS", help="answer for so long")
    parser.add_argument("--always", action="store_true", help="answer until its work is over")


def run(args: argparse.Namespace) -> int:
    """Answers what a pattern of the setting ``answers`` fits, but nothing that deletes, forces or pays."""
    session.write(lambda client: client.get("/status"))
    client = session.client()
    [job, *others] = find(client, [args.job], caller_directory())
    if others:
        raise UsageError(f"{output.clean(args.job)} is several jobs: name one of them by its number")
    deadline = time.monotonic() + args.seconds if args.seconds is not None else None
    is_once = args.seconds is None and not args.always
    return _answer(client, str(job["number"]), deadline, is_once=is_once)


def _answer(client: Client, number: str, deadline: float | None, *, is_once: bool) -> int:
    """Follows the job; exit code 1 where a question was left to the person, or none could be answered."""
    seen: tuple[int, int] | None = None
    code = exits.DONE
    try:
        for news in changes(client, lambda: find(client, [number], "/"), deadline=deadline):
            for job in news:
                if not is_live(job):
                    output.note(output.clean(f"#{number} {job['state']}: nothing more is asked"))
                    return code
                mark = (int(job["attempt_no"]), int(job["since_ms"]))
                if job["state"] == "waiting" and mark != seen:
                    seen = mark
                    code = max(code, _reply(client, number, job))
                    if is_once:
                        return code
    except TimeoutError:
        return code
    return code


def _reply(client: Client, number: str, job: Json) -> int:
    answer = client.post("/jobs/answer", {"ref": number, "cwd": "/"})
    output.say(output.clean(f"#{number} asks: {job.get('question', '')}"))
    if answer["is_answered"]:
        output.say(output.clean(f"#{number} answered: {answer['reply']}"))
        return exits.DONE
    output.note(output.clean(f"#{number} {answer['message']}   next: aios attach {number}"))
    return exits.FAILED
