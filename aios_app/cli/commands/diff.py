"""``aios diff``: what a job changed, or what two jobs did differently."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, pager, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.diff_text import plain_diff, stat_lines

EXAMPLES = (
    "aios diff 7            also what is not committed",
    "aios diff 7 8          from the first to the second",
    "aios diff 7 --stat",
    "aios diff 7 | git apply",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``diff``."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument("--stat", action="store_true", help="only the files and how much of each")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Shows it through a pager on a terminal, else prints it as git does."""
    body = {"refs": args.jobs, "cwd": caller_directory()}
    answer = session.client().post("/jobs/diff", body)
    if args.json:
        output.say_json(answer)
    elif args.stat:
        _show_stat(answer)
    else:
        show_diff(answer)
    return exits.DONE


def show_diff(answer: Json) -> None:
    """The diff of an answer of ``/jobs/diff``, with what is said of it."""
    titles = [output.clean(title) for title in [*answer["titles"], *_left_out(answer)]]
    if not answer["files"]:
        titles.append("no change")
    if not terminal.is_shown():
        _say_apart(titles, plain_diff(answer["text"]))
    else:
        pager.show_diff("\n".join([*titles, answer["text"]]))


def _say_apart(titles: list[str], text: str) -> None:
    """What git would not take goes to standard error."""
    for title in titles:
        output.note(title)
    if text:
        output.say(text.removesuffix("\n"))


def _show_stat(answer: Json) -> None:
    for title in answer["titles"]:
        output.note(output.clean(title))
    for line in stat_lines(answer["files"], terminal.size()[0], has_colour=terminal.has_colour()):
        output.say(line)


def _left_out(answer: Json) -> list[str]:
    if not answer["left_out"]:
        return []
    size = -(-answer["left_out"] // (1024 * 1024))
    return [f"cut off: {size} MB more; all of it is in the worktree (aios w JOB), git diff there"]
