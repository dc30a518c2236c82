"""``aios compare``: the candidates of one task, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.job_lines import change, check_word, clock, worked_ms
from aios_app.cli.table import table
from aios_app.cli.tokens import short

EXAMPLES = ("aios compare r3        all candidates of a run, by project", "aios compare 7 8")

_ORDER = """

Best first: those with a change; of these a passed check, none, a failed one;
then those in review, with the smaller change, that were quicker."""

_HEAD = ("", "state", "agent", "check", "files", "change", "commits", "time", "tokens")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``compare``."""
    parser.description = (parser.description or "") + _ORDER
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def run(args: argparse.Namespace) -> int:
    """Shows, for each project, its candidates, best first, and what to do next."""
    answer = session.client().post("/jobs/compare", {"refs": args.jobs, "cwd": caller_directory()})
    if args.json:
        output.say_json(answer)
        return exits.DONE
    for group in answer["groups"]:
        _show(group["project"], group["candidates"], answer["now_ms"])
    for problem in answer.get("problems", []):
        output.note(output.clean(problem))
    return exits.DONE


def _show(project: str, candidates: Sequence[Json], now_ms: int) -> None:
    width = terminal.size()[0]
    output.say(output.fit(output.clean(f"{project}  {_title(candidates)}"), width))
    head, *rows = table([_HEAD, *(_row(job, now_ms) for job in candidates)], width - 1)
    output.say(f" {output.paint(head, 'dim', is_on=terminal.has_colour())}")
    for job, row in zip(candidates, rows, strict=True):
        output.say(f" {row}")
        for line in _remarks(job):
            output.say(output.fit(f"     {line}", width))
    step = _next(candidates)
    if step:
        output.say(f"next: {step}")


def _row(job: Json, now_ms: int) -> tuple[str, ...]:
    worked = worked_ms(job, now_ms)
    tokens = job.get("tokens_in", 0) + job.get("tokens_out", 0)
    return (
        f"#{job['number']}",
        job["state"],
        job["agent"],
        check_word(job) or "-",
        str(job.get("files") or "-"),
        change(job) or "-",
        str(job.get("commits") or "-"),
        clock(worked) if worked else "-",
        short(tokens) if tokens else "-",
    )


def _title(candidates: Sequence[Json]) -> str:
    """What they were asked for, where that is one thing."""
    titles = {job["title"] for job in candidates}
    return f'"{titles.pop()}"' if len(titles) == 1 and any(titles) else f"{len(candidates)} candidates"


def _remarks(job: Json) -> list[str]:
    said = [f'"{output.clean(job["message"])}"'] if job.get("message") else []
    said += [output.clean(f"because: {job['cause']}")] if job.get("cause") else []
    conflicts = ", ".join(map(output.clean, job.get("conflicts") or ()))
    return said + ([f"would conflict with its base in {conflicts}"] if conflicts else [])


def _next(candidates: Sequence[Json]) -> str:
    """Of the best one, if there is anything of it to land."""
    best = candidates[0]
    if best["state"] != "review" or not best.get("files"):
        return ""
    number = best["number"]
    return f"aios diff {number}   aios {'pick' if len(candidates) > 1 else 'land'} {number}"
