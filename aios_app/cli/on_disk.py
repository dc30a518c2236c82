"""What can be shown while the stack is down, in the API's shape: the database and the records of jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aios_app.cli import session
from aios_app.cli.client import Json

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from pathlib import Path

    from aios_app.store.catalog import Catalog


def projects() -> Json:
    """The saved projects."""
    with _catalog() as catalog:
        return {"v": 1, "projects": [project.to_json() for project in catalog.projects()] if catalog else []}


def agents() -> Json:
    """The agents."""
    with _catalog() as catalog:
        if catalog is None:
            from aios_app.agents import DEFAULT_AGENTS

            return {"v": 1, "agents": [agent.to_json() for agent in DEFAULT_AGENTS]}
        return {"v": 1, "agents": [agent.to_json() for agent in catalog.agents()]}


def config() -> Json:
    """All settings and their values."""
    with _catalog() as catalog:
        values = catalog.values() if catalog else {}
    return {"v": 1, "values": [{"key": key, "value": value} for key, value in values.items()]}


def setting(key: str) -> Json:
    """The value of one setting."""
    with _catalog() as catalog:
        return {"v": 1, "key": key, "value": catalog.get(key) if catalog else ""}


def steps() -> Json:
    """The lists of steps that were built."""
    with _catalog() as catalog:
        return {"v": 1, "lists": [one.to_json() for one in catalog.step_lists()] if catalog else []}


def jobs() -> Json:
    """The records of jobs as they were written last, newest first; one that cannot be read is left out."""
    records = sorted(_records(), key=lambda job: int(job["number"]), reverse=True)
    return {"v": 1, "now_ms": int(time.time() * 1000), "jobs": records}


def newest_jobs(count: int) -> Json:
    """The records of so many jobs that have begun, newest first."""
    folder = session.settings().data_dir / "jobs"
    numbers = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
    found = (_read(folder / str(number) / "job.json") for number in sorted(numbers, reverse=True)[:count])
    return {"v": 1, "jobs": [job for job in found if job is not None]}


def _records() -> Iterator[Json]:
    """The jobs of all plans, each as it last was where it has begun; and those planned elsewhere."""
    data_dir = session.settings().data_dir
    plans = [_read(path) or {} for path in (data_dir / "runs").glob("*.json")]
    stages = [stage for plan in plans for stage in plan.get("stages", [])]
    jobs = {int(job["number"]): job for stage in stages for job in stage["jobs"]}
    begun = {int(path.name) for path in (data_dir / "jobs").glob("*") if path.name.isdecimal()}
    for number in jobs.keys() | begun:
        record = _read(data_dir / "jobs" / str(number) / "job.json") or jobs.get(number)
        if record is not None:
            yield record


def _read(path: Path) -> Json | None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


@contextmanager
def _catalog() -> Iterator[Catalog | None]:
    """The database, None where none was made yet: reading creates nothing."""
    path = session.settings().database
    if not path.exists():
        yield None
        return
    from aios_app.store.catalog import Catalog

    catalog = Catalog(path, is_read_only=True)
    try:
        yield catalog
    finally:
        catalog.close()
