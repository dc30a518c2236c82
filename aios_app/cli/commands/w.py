"""``aios w``: the worktrees, and a shell in one."""

from __future__ import annotations

import argparse
from pathlib import Path

from aios_app.cli import exits, on_disk, output, session, terminal
from aios_app.cli.client import Json, StackDown, caller_directory
from aios_app.cli.machine_words import machine_cells
from aios_app.cli.shell import open_shell
from aios_app.cli.table import table
from aios_app.cli.waiting import find
from aios_app.domain.errors import AiosError, ConflictError, UnknownJob, UsageError

EXAMPLES = (
    "aios w                ↑2 ↓1: ahead of its base, and behind",
    "aios w7             a shell in the worktree of job 7",
    "cd $(aios w7)",
)

#: Commits that the base has not, and that only it has.
_ARROWS = {"ahead": "↑", "behind": "↓"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``w``."""
    parser.add_argument("name", nargs="?", default="", metavar="JOB|NAME", help="open a shell in this one")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Lists the worktrees, from the jobs' records where the stack is down; with a word, opens a shell."""
    if args.name:
        open_shell(*_find(args.name))
        return exits.DONE
    answer = session.read("/worktrees", _saved)
    if args.json:
        output.say_json(answer)
    else:
        _show(answer)
    return exits.DONE


def _find(word: str) -> tuple[str, str]:
    """Directory and title of a worktree: of a job, else of one that AIOS did not make."""
    for job in _jobs(word):
        _check_here(job)
        return job["worktree"], f"worktree of job {job['number']} ({job['state']}), branch {job['branch']}"
    for one in session.client().get("/worktrees")["worktrees"]:
        if one["name"] == word:
            _check_here(one)
            return one["path"], f"worktree {word}, branch {one['branch']}"
    raise UnknownJob(f"there is no worktree {word}: see aios w")


def _check_here(one: Json) -> None:
    """Raises ``ConflictError`` where the job, or the worktree, is of another machine."""
    machine = one.get("machine", "")
    try:
        own = session.client().get("/status")["machine"]
    except AiosError:
        return  # what is on disk is of this machine
    if machine not in {"", own["id"], own["name"]}:
        number = one.get("number") or one.get("job")
        attach = f": aios attach {number} shows its agent" if number else ""
        raise ConflictError(f"that worktree is on another machine{attach}")


def _jobs(word: str) -> list[Json]:
    try:
        return find(session.client(), [word], caller_directory())
    except UsageError:
        return []
    except StackDown:
        return [job for job in on_disk.jobs()["jobs"] if word in {str(job["number"]), job.get("name")}]


def _show(answer: Json) -> None:
    if not answer["worktrees"]:
        output.note("no worktrees")
    cells = machine_cells(answer["worktrees"])
    made = [(*_row(one), *cell) for one, cell in zip(answer["worktrees"], cells, strict=True)]
    rows = _without_empty(made)
    for line in table(rows, terminal.size()[0]):
        output.say(line)
    for problem in answer.get("problems", []):
        output.note(output.clean(problem))


def _row(one: Json) -> tuple[str, ...]:
    number = f"w{one['job']}" if one.get("job") else "-"
    distance = [f"{arrow}{one[side]}" for side, arrow in _ARROWS.items() if one.get(side)]
    known = ["dirty"] if one.get("is_dirty") else []
    known += [one["work"]] if one.get("work") and one["work"] != one.get("state") else []
    return (
        number,
        one["project"],
        one.get("state") or ("old attempt" if one.get("is_ours", True) else "not of AIOS"),
        " ".join(distance),
        ", ".join(known),
        _size(one["disk_bytes"]) if one.get("disk_bytes") else "",
        one["branch"] if one.get("job") and one["branch"] else one["name"],
    )


def _without_empty(rows: list[tuple[str, ...]]) -> list[list[str]]:
    """The rows without the columns in which nothing stands."""
    filled = [any(column) for column in zip(*rows, strict=True)]
    return [[cell for cell, is_filled in zip(row, filled, strict=True) if is_filled] for row in rows]


def _size(count: int) -> str:
    for unit in ("B", "K", "M"):
        if count < 1024:
            return f"{count:.0f}{unit}"
        count //= 1024
    return f"{count}G"


def _saved() -> Json:
    made = [job for job in on_disk.jobs()["jobs"] if job.get("worktree") and Path(job["worktree"]).is_dir()]
    worktrees = [
        {**{name: job.get(name, "") for name in ("name", "project", "branch", "state")}, "job": job["number"]}
        for job in made
    ]
    return {"v": 1, "worktrees": worktrees, "problems": []}
