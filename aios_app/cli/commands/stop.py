"""``aios stop``: end agents; their worktrees stay."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from aios_app.cli import exits, output, session
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.job_lines import is_live

EXAMPLES = ("aios stop 7", "aios stop r3", "aios stop . --all-processes")

#: Seconds that an agent has to end.
_DEADLINE_S = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``stop``."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="a number, a part of a name, r3 or .")
    parser.add_argument(
        "--all-processes", action="store_true", help="also what the agent left running elsewhere"
    )


def run(args: argparse.Namespace) -> int:
    """Ends them, and says for each what came of it."""
    return stop(args.jobs, all_processes=args.all_processes)


def stop(refs: Sequence[str], *, all_processes: bool = False) -> int:
    """Ends the jobs and waits for their ends; exit code 1 where one did not end in time."""
    session.write(lambda client: client.get("/status"))
    results: dict[int, Json] = {}
    ending: dict[int, Json] = {}
    body = {"refs": list(refs), "cwd": caller_directory(), "all_processes": all_processes}
    try:
        _follow(session.client(), body, results, ending)
    except TimeoutError:
        for number, job in ending.items():
            output.note(
                output.clean(
                    f"#{number} still {job['state']} after {_DEADLINE_S:.0f} s: aios attach {number}"
                )
            )
    return exits.FAILED if ending else exits.DONE


def _follow(client: Client, body: Json, results: dict[int, Json], ending: dict[int, Json]) -> None:
    """Fills ``results`` with what the request came to; what of it has not ended yet stays in ``ending``."""

    def read() -> list[Json]:
        if results:
            jobs: list[Json] = client.post("/jobs/find", {"refs": [str(n) for n in results], "cwd": "/"})[
                "jobs"
            ]
            return jobs
        for result in client.post("/jobs/stop", body)["results"]:
            results[result["job"]["number"]] = result
            _begin(result, ending)
        return [result["job"] for result in results.values()]

    for news in changes(client, read, deadline=time.monotonic() + _DEADLINE_S):
        for job in news:
            if job["number"] in ending and _has_ended(job):
                del ending[job["number"]]
                output.say(output.clean(f"#{job['number']} {job['state']}"))
        if not ending:
            return


def _begin(result: Json, ending: dict[int, Json]) -> None:
    job, outcome = result["job"], result["outcome"]
    for survivor in result.get("survivors", []):
        output.note(
            output.clean(
                f"#{job['number']} left running: {survivor} (aios stop {job['number']} --all-processes)"
            )
        )
    if outcome == "stopping":
        ending[job["number"]] = job
    elif outcome == "stopped":
        output.say(f"#{job['number']} stopped (not started)")
    elif outcome == "away":
        output.say(f"#{job['number']} ends once its machine answers again (aios machines)")
    else:
        output.say(output.clean(f"#{job['number']} {outcome}: {job['state']}"))


def _has_ended(job: Json) -> bool:
    return not is_live(job) and not job.get("is_open")
