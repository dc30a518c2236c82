"""Waiting for jobs to finish, and what is said of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from aios_app.cli import exits, output
from aios_app.cli.client import Client, Json
from aios_app.cli.following import changes
from aios_app.cli.job_lines import change, clock, is_live, is_measured, went_wrong, worked_ms
from aios_app.cli.tokens import spent

#: Seconds that the size of a change may be late.
_MEASURE_S = 3.0
#: Of an agent's last message; all of it is in its log.
_MESSAGE_CELLS = 200


def find(client: Client, refs: Sequence[str], cwd: str) -> list[Json]:
    """The jobs that the words mean."""
    jobs: list[Json] = client.post("/jobs/find", {"refs": list(refs), "cwd": cwd})["jobs"]
    return jobs


def until_finished(
    client: Client, read: Callable[[], Sequence[Json]], deadline: float | None = None
) -> Iterator[tuple[list[Json], dict[int, Json]]]:
    """What changed, and all jobs as they are then, until none is live and the sizes of changes are known."""
    jobs: dict[int, Json] = {}
    for news in changes(client, read, deadline=deadline):
        jobs.update({job["number"]: job for job in news})
        yield news, jobs
        if not any(map(is_live, jobs.values())):
            break
    if not all(map(is_measured, jobs.values())):
        yield from _until_measured(client, jobs)


def _until_measured(client: Client, jobs: dict[int, Json]) -> Iterator[tuple[list[Json], dict[int, Json]]]:
    words = [str(number) for number in jobs]
    with suppress(TimeoutError):
        for news in changes(client, lambda: find(client, words, "/"), deadline=time.monotonic() + _MEASURE_S):
            jobs.update({job["number"]: job for job in news})
            yield news, jobs
            if all(map(is_measured, jobs.values())):
                return


def outcome_line(job: Json) -> str:
    """``#1 review after 3:12  2 files +14 -3  "Fixed and tested."   next: aios attach 1``."""
    took = worked_ms(job, 0)
    parts = [f"#{job['number']} {job['state']}" + (f" after {clock(took)}" if took else "")]
    parts += [_size(job)] if change(job) else []
    parts += [spent(job)] if spent(job) else []
    parts += [str(job[field]) for field in ("cause", "note") if job.get(field)]
    parts += [f'"{output.fit(output.clean(job["message"]), _MESSAGE_CELLS)}"'] if job.get("message") else []
    return output.clean("  ".join(parts)) + f"   next: {next_step(job)}"


def next_step(job: Json) -> str:
    """What a person would type now."""
    if went_wrong(job):
        return f"aios retry {job['number']}"
    # An agent that ended by itself has no terminal any more; one that was only closed comes back.
    return f"aios {'logs' if job.get('finishes') == 'exit' else 'attach'} {job['number']}"


def code_of(jobs: Iterable[Json]) -> int:
    """Failed where one of the jobs went wrong."""
    return exits.FAILED if any(map(went_wrong, jobs)) else exits.DONE


def _size(job: Json) -> str:
    files = job.get("files") or 0
    return f"{files} file{'' if files == 1 else 's'} {change(job)}" if files else change(job)
