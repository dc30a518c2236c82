"""``--wait``: live progress of a run, then what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from aios_app.cli import output, session, terminal
from aios_app.cli.client import Client, Json
from aios_app.cli.job_lines import is_live, job_lines, tally, went_wrong
from aios_app.cli.waiting import code_of, until_finished

#: Lines that stay free below the progress.
_MARGIN = 2


class _Progress:
    """Redraws in place on a terminal, else prints each job as it comes into a state."""

    def __init__(self, run: int) -> None:
        self._run = run
        self._drawn = 0
        self._states: dict[int, str] = {}

    def show(self, news: Sequence[Json], jobs: Sequence[Json], now_ms: int) -> None:
        if terminal.is_shown():
            self._redraw(jobs, now_ms)
        else:
            self._print(news, jobs, now_ms)

    def clear(self) -> None:
        if self._drawn:
            output.redraw([], self._drawn)

    def _redraw(self, jobs: Sequence[Json], now_ms: int) -> None:
        width, height = terminal.size()
        active = sorted(jobs, key=lambda job: (not is_live(job), job["state"] == "queued", job["number"]))
        lines = [output.fit(f"r{self._run}  {tally(jobs)}", width)]
        lines += job_lines(active, now_ms, among=jobs)[: max(height - _MARGIN - 1, 0)]
        output.redraw(lines, self._drawn)
        self._drawn = len(lines)

    def _print(self, news: Sequence[Json], jobs: Sequence[Json], now_ms: int) -> None:
        for job in news:
            if self._states.get(job["number"]) != job["state"]:
                self._states[job["number"]] = job["state"]
                output.say("\n".join(job_lines([job], now_ms, among=jobs)))


def show_until_finished(run: int, *, is_json: bool) -> int:
    """Returns when no job of the run is live; exit code 1 where one went wrong."""
    client, progress = session.client(), _Progress(run)
    skew_ms = _skew_ms(client, run)
    try:
        for news, jobs in until_finished(client, lambda: _jobs(client, run)):
            if not is_json:
                progress.show(news, list(jobs.values()), int(time.time() * 1000) + skew_ms)
    except KeyboardInterrupt:
        output.note(f"r{run} goes on: aios wait r{run}   aios stop r{run}")
        raise
    progress.clear()
    answer = client.get(_path(run))
    if is_json:
        output.say_json(answer)
    else:
        _show_end(run, answer)
    return code_of(answer["jobs"])


def _show_end(run: int, answer: Json) -> None:
    jobs = sorted(answer["jobs"], key=lambda job: int(job["number"]))
    output.say("\n".join(job_lines(jobs, answer["now_ms"])))
    in_review = [job for job in jobs if job["state"] == "review"]
    steps = [f"aios review r{run}"] if in_review else [f"aios jobs r{run}"]
    steps += [f"aios compare r{run}"] if _has_rivals(in_review) else []
    steps += [f"aios retry r{run}"] if any(map(went_wrong, jobs)) else []
    output.say(f"{len(in_review)} of {len(jobs)} in review   next: {'   '.join(steps)}")


def _has_rivals(jobs: Sequence[Json]) -> bool:
    return len({job["project"] for job in jobs}) < len(jobs)


def _jobs(client: Client, run: int) -> list[Json]:
    jobs: list[Json] = client.get(_path(run))["jobs"]
    return jobs


def _skew_ms(client: Client, run: int) -> int:
    """What Redis' clock is ahead of this process's."""
    return int(client.get(_path(run))["now_ms"] - time.time() * 1000)


def _path(run: int) -> str:
    return f"/jobs?scope=all&run={run}"
