"""``aios trash``: what was removed in the last 30 days, and what brings it back."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Json, caller_directory, quoted
from aios_app.cli.machine_words import machine_cells
from aios_app.cli.removing import PATIENCE_S
from aios_app.cli.table import table
from aios_app.domain.errors import UsageError

EXAMPLES = ("aios trash", "aios trash restore 7", "aios trash restore shop-codex-20261120-093000-multi-1-j7")

_DAY_MS = 24 * 3600 * 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``trash``."""
    parser.add_argument("words", nargs="*", metavar="restore JOB|NAME", help="bring worktree and branch back")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the trash, or restores one entry of it."""
    if not args.words:
        return _list(is_json=args.json)
    if args.words[0] != "restore" or len(args.words) != 2:
        raise UsageError("aios trash, or aios trash restore JOB|NAME")
    return _restore(args.words[1].removeprefix("#"), is_json=args.json)


def _list(*, is_json: bool) -> int:
    answer = session.client().get(f"/trash?cwd={quoted(caller_directory())}")
    if is_json:
        output.say_json(answer)
        return exits.DONE
    if not answer["entries"]:
        output.note("the trash is empty")
    cells = machine_cells(answer["entries"])
    rows = [(*cell, *_row(one, answer["now_ms"])) for one, cell in zip(answer["entries"], cells, strict=True)]
    for line in table(rows, terminal.size()[0]):
        output.say(line)
    for problem in answer["problems"]:
        output.note(output.clean(problem))
    return exits.DONE


def _row(entry: Json, now_ms: int) -> tuple[str, ...]:
    left = max(0, -((now_ms - entry["expires_ms"]) // _DAY_MS))
    size = [f"{entry[kind]} {kind if entry[kind] != 1 else kind[:-1]}" for kind in ("commits", "files")]
    return (
        f"#{entry['job']}" if entry["job"] else "-",
        entry["project"],
        _when(entry["removed_ms"]),
        f"{left} day{'' if left == 1 else 's'} left",
        ", ".join(word for word in size if not word.startswith("0 ")) or "nothing of its own",
        (entry["branch"] if entry["job"] else "") or entry["name"],
    )


def _when(at_ms: int) -> str:
    import time

    return time.strftime("%b %d %H:%M", time.localtime(at_ms / 1000))


def _restore(word: str, *, is_json: bool) -> int:
    body = {"ref": word, "cwd": caller_directory()}
    answer = session.write(lambda client: client.post("/trash/restore", body, timeout_s=PATIENCE_S))
    if is_json:
        output.say_json(answer)
        return exits.DONE
    job = answer["job"]
    name = f"#{job['number']} is in review again" if job else f"{answer['entry']['name']} is back"
    output.say(output.clean(f"{name}: {answer['path']}, branch {answer['branch']}"))
    if answer["message"]:
        output.note(output.clean(answer["message"]))
    return exits.DONE
