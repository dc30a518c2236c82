"""Waiting for jobs to finish, and what is said of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from aios_app.cli import exits, output
from aios_app.cli.client import Client, Json
from aios_app.cli.following import changes
from aios_app.cli.job_lines import (
    change,
    check_word,
    clock,
    is_checked,
    is_live,
    is_measured,
    went_wrong,
    worked_ms,
)
from aios_app.cli.tokens import spent

#: Seconds that the size of a change may be late.
_MEASURE_S = 3.0
#: Of an agent's last message; all of it is in its log.
_MESSAGE_CELLS = 200
_COMMAND_CELLS = 40
_AFTERWARDS = {"landed": "revert", "dropped": "trash restore"}


def find(client: Client, refs: Sequence[str], cwd: str) -> list[Json]:
    """The jobs that the words mean."""
    jobs: list[Json] = client.post("/jobs/find", {"refs": list(refs), "cwd": cwd})["jobs"]
    return jobs


def until_finished(
    client: Client, read: Callable[[], Sequence[Json]], deadline: float | None = None
) -> Iterator[tuple[list[Json], dict[int, Json]]]:
    """What changed, and all jobs as they are then, until none is live and all is known of their changes."""
    jobs: dict[int, Json] = {}
    for news in changes(client, read, deadline=deadline):
        jobs.update({job["number"]: job for job in news})
        yield news, jobs
        if all(not is_live(job) and is_checked(job) for job in jobs.values()):
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
    """``#1 review after 3:12  2 files +14 -3  check npm test ok 41 s  "Fixed."   next: aios diff 1, ...``."""
    took = worked_ms(job, 0)
    parts = [f"#{job['number']} {job['state']}" + (f" after {clock(took)}" if took else "")]
    parts += [_size(job)] if change(job) else []
    parts += [check_line(job)] if check_word(job) else []
    parts += [spent(job)] if spent(job) else []
    parts += [str(job[field]) for field in _reasons(job) if job.get(field)]
    parts += [f'"{output.fit(output.clean(job["message"]), _MESSAGE_CELLS)}"'] if job.get("message") else []
    return output.clean("  ".join(parts)) + f"   next: {next_step(job)}"


def next_step(job: Json) -> str:
    """What a person would type now."""
    number = job["number"]
    if went_wrong(job):
        return f"aios retry {number}"
    if job.get("state") in _AFTERWARDS and not job.get("is_in_place"):
        return f"aios {_AFTERWARDS[job['state']]} {number}"
    # An agent that ended by itself has no terminal any more; one that was only closed comes back.
    look = f"aios {'logs' if job.get('finishes') == 'exit' else 'attach'} {number}"
    if job.get("state") != "review" or not job.get("files") or job.get("is_in_place"):
        return look
    if job.get("check") == "failed":
        return f"aios logs {number} --check, {look}"
    return f"aios diff {number}, aios land {number}"


def check_line(job: Json) -> str:
    """``check npm test ok 41 s``."""
    took = _took(job.get("check_ms") or 0)
    command = output.fit(output.clean(job.get("check_command") or ""), _COMMAND_CELLS)
    return " ".join(filter(None, ("check", command, check_word(job), took)))


def _took(ms: int) -> str:
    """``0.3 s``, ``41 s``, ``2:03``; empty where nothing is known."""
    if ms >= 60_000:
        return clock(ms)
    return "" if not ms else f"{ms / 1000:.0f} s" if ms >= 10_000 else f"{max(ms, 100) / 1000:.1f} s"


def code_of(jobs: Iterable[Json]) -> int:
    """Failed where one of the jobs went wrong."""
    return exits.FAILED if any(map(went_wrong, jobs)) else exits.DONE


def _reasons(job: Json) -> tuple[str, ...]:
    """Of work in review the note was said when it began, and ``aios jobs`` still shows it."""
    return ("cause", "note") if went_wrong(job) else ("cause",)


def _size(job: Json) -> str:
    files = job.get("files") or 0
    return f"{files} file{'' if files == 1 else 's'} {change(job)}" if files else change(job)
