"""``aios jobs --follow``: the jobs, then each change as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable

from aios_app.cli import exits, output, session
from aios_app.cli.client import Client, Json
from aios_app.cli.following import changes
from aios_app.cli.job_lines import change, job_lines
from aios_app.cli.machine_words import name_machines

#: With the size of its change, what a person sees of a job.
_VISIBLE = ("state", "attempt_no", "question", "cause", "reason", "note", "machine")


def follow(
    ask: Callable[[Client], Json],
    is_wanted: Callable[[Json], bool] | None,
    *,
    is_wide: bool,
    is_json: bool,
) -> int:
    """What ``ask`` answers and its changes, until it is interrupted; with ``is_json`` each is one line.

    ``is_wanted`` admits jobs that come later.
    """
    client, shown = session.client(), dict[int, Json]()
    skew_ms = 0
    machines: list[Json] = []

    def read() -> list[Json]:
        nonlocal skew_ms
        answer = ask(client)
        skew_ms = int(answer["now_ms"] - time.time() * 1000)
        machines[:] = answer.get("machines", ())
        jobs: list[Json] = answer["jobs"]
        return jobs

    for news in changes(client, read, is_wanted=is_wanted):
        if not is_json:
            name_machines(news, machines)
        seen = [job for job in news if _looks_different(job, shown.get(job["number"]))]
        shown.update({job["number"]: job for job in news})
        if is_json:
            for job in news:
                output.say_json(job)
        else:
            now_ms = int(time.time() * 1000) + skew_ms
            for line in job_lines(seen, now_ms, among=list(shown.values()), is_wide=is_wide):
                output.say(line)
    return exits.DONE


def _looks_different(job: Json, old: Json | None) -> bool:
    return old is None or _visible(job) != _visible(old)


def _visible(job: Json) -> list[object]:
    return [change(job), *(job.get(field) for field in _VISIBLE)]
