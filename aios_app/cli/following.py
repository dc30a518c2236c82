"""Following jobs over the event stream: nothing is missed, and a restart of the service is survived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from aios_app.cli.client import Client, Json, StackDown, seconds_left
from aios_app.domain.errors import StackError

#: Seconds for a service that ended to come back.
_BACK_AFTER_S = 30.0
_RETRY_S = 0.1


def changes(
    client: Client,
    read: Callable[[], Sequence[Json]],
    *,
    is_wanted: Callable[[Json], bool] | None = None,
    deadline: float | None = None,
) -> Iterator[list[Json]]:
    """First what ``read`` gives, called with the stream open; then each job as it changes; or empty lists.

    ``is_wanted`` admits jobs that ``read`` did not give; by default there are none. ``read`` is called again
    after a gap. Never ends by itself, but raises ``TimeoutError`` at ``deadline``, of ``time.monotonic``.
    """
    known: dict[int, Json] = {}
    is_first = True
    while True:
        try:
            with client.events(deadline) as stream:
                yield _news(read(), known)
                is_first = False
                for job in _jobs_of(stream):
                    if job["number"] in known or (is_wanted and is_wanted(job)):
                        yield _news([job], known)
        except TimeoutError:
            raise
        except (StackError, OSError):
            if is_first:
                raise
        _wait_for(client, deadline)


def _jobs_of(stream: Iterable[Json]) -> Iterator[Json]:
    """The jobs of the events, until the service ends or events are missing."""
    for event in stream:
        if event.get("type") == "gap":
            return
        if event.get("type") == "job":
            yield event["job"]


def _news(jobs: Sequence[Json], known: dict[int, Json]) -> list[Json]:
    """The jobs that are newer than what is known, which then is."""
    fresh = [job for job in jobs if _is_newer(job, known.get(job["number"]))]
    known.update({job["number"]: job for job in fresh})
    return fresh


def _is_newer(job: Json, old: Json | None) -> bool:
    return old is None or (job != old and _age(job) >= _age(old))


def _age(job: Json) -> tuple[int, int]:
    return int(job.get("attempt_no", 0)), int(job.get("since_ms", 0))


def _wait_for(client: Client, deadline: float | None) -> None:
    """Returns when the service accepts connections; raises ``StackDown`` where it stays away."""
    give_up = time.monotonic() + _BACK_AFTER_S
    while not client.is_up():
        seconds_left(deadline)
        if time.monotonic() > give_up:
            raise StackDown
        time.sleep(_RETRY_S)
