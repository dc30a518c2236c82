"""``aios share``: a link to look at a job."""

from __future__ import annotations

import argparse
from urllib.parse import urlsplit

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.domain.errors import UsageError

EXAMPLES = ("aios share 7", "aios share 7 --for 2h", "aios share 7 --revoke", "aios share --revoke")

_LOCAL = {"127.0.0.1", "localhost", "::1"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``share``."""
    parser.add_argument("job", nargs="*", metavar="JOB", help="a number, a part of a name, or .")
    parser.add_argument("--for", dest="lasts", metavar="TIME", default="1h", help="such as 30m (default: 1h)")
    parser.add_argument("--revoke", action="store_true", help="end the links of JOB, or all")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Prints the link; whoever has it sees the terminal, and can neither type nor see anything else."""
    if args.revoke:
        return _revoke(args)
    if len(args.job) != 1:
        raise UsageError("share which job? aios share JOB")
    body = {"ref": args.job[0], "cwd": caller_directory(), "lasts": args.lasts}
    answer = session.write(lambda client: client.post("/web/shares", body))
    if args.json:
        output.say_json(answer)
        return exits.DONE
    job: Json = answer["job"]
    output.say(output.clean(answer["url"]))
    number = job["number"]
    output.note(
        f"to look at #{number} for {output.clean(args.lasts)}; to end it: aios share {number} --revoke"
    )
    if urlsplit(answer["url"]).hostname in _LOCAL:
        output.note("it leads to this machine alone: others need web_address (aios config)")
    return exits.DONE


def _revoke(args: argparse.Namespace) -> int:
    body = {"refs": args.job, "cwd": caller_directory()}
    answer = session.write(lambda client: client.post("/web/shares/revoke", body))
    if args.json:
        output.say_json(answer)
    else:
        count = answer["revoked"]
        output.say(f"{count or 'no'} link{'s' * (count != 1)} ended")
    return exits.DONE
