"""Jobs and runs on disk: what is shown while the stack is down, and what a lost ledger is rebuilt from.

``<data>/runs/NUMBER.json`` is the plan of a run with its jobs as they were planned;
``<data>/jobs/NUMBER/job.json`` is a job as it last was, once it has begun, and ``landing.json`` beside it its
last landing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aios_app.domain.landing import Landing
from aios_app.domain.models import Agent, Job, Run, Stage
from aios_app.services.context import Context
from aios_app.settings import Settings

logger = logging.getLogger(__name__)


def job_dir(settings: Settings, number: int) -> Path:
    """Where the job's record, launch files and logs are."""
    return settings.jobs_dir / str(number)


def attempt_dir(settings: Settings, job: Job) -> Path:
    """Where the job's newest attempt has its launch files and logs."""
    return job_dir(settings, job.number) / job.attempt


def write_run(settings: Settings, run: Run, prompts: Mapping[str, str]) -> None:
    """Writes the plan, in one file however many jobs it has: a person waits for it."""
    plan = {
        "number": run.number,
        "source": run.source,
        "title": run.title,
        "created_ms": run.created_ms,
        "is_sequential": run.is_sequential,
        "fail_fast": run.fail_fast,
        "skip_waiting_s": run.skip_waiting_s,
        "limit_s": run.limit_s,
        "extra_args": list(run.extra_args),
        "agents": [agent.to_json() for agent in run.agents],
        "stages": [
            {"label": stage.label, "jobs": [job.to_json() for job in stage.jobs]} for stage in run.stages
        ],
        "prompts": dict(prompts),
    }
    _write(_runs_dir(settings) / f"{run.number}.json", plan)


def write_job(settings: Settings, job: Job) -> None:
    """Brings the job's record up to date."""
    _write(job_dir(settings, job.number) / "job.json", {"v": 1, **job.to_json()})


def record(ctx: Context, number: int) -> Job:
    """Reads the job from the ledger and brings its record up to date."""
    job = ctx.ledger.job(number)
    if job is None:
        raise LookupError(number)
    write_job(ctx.settings, job)
    return job


def read_job(settings: Settings, number: int) -> Job | None:
    """The job as this machine has recorded it; None where it has not, or that cannot be read."""
    try:
        return Job.from_json(json.loads((job_dir(settings, number) / "job.json").read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_landing(settings: Settings, landing: Landing) -> None:
    """Brings the record of the job's last landing up to date."""
    _write(job_dir(settings, landing.job) / "landing.json", {"v": 1, **landing.to_json()})


def read_landings(settings: Settings) -> Iterator[Landing]:
    """The last landing of each job, in no order; a record that cannot be read is left out."""
    for path in settings.jobs_dir.glob("*/landing.json"):
        try:
            yield Landing.from_json(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            logger.exception("no record of a landing", extra={"path": str(path)})


def read_runs(settings: Settings) -> Iterator[tuple[Run, dict[str, str]]]:
    """All recorded runs with the jobs as they last were, and their prompts, oldest first.

    A file that cannot be read is left out: one broken record must not keep the others from being restored.
    """
    for path in sorted(_runs_dir(settings).glob("[0-9]*.json"), key=lambda path: int(path.stem)):
        try:
            data = json.loads(path.read_text())
            run = _run(settings, data)
        except (OSError, ValueError, KeyError, TypeError):
            logger.exception("no record of a run", extra={"path": str(path)})
            continue
        yield run, data["prompts"]


def newest_run(settings: Settings) -> int:
    """The highest number of a recorded run; 0 where there is none. The ledger had each of them before."""
    return max((int(path.stem) for path in _runs_dir(settings).glob("[0-9]*.json")), default=0)


def _run(settings: Settings, data: Mapping[str, Any]) -> Run:
    stages = tuple(
        Stage(
            index=index,
            label=stage["label"],
            jobs=tuple(_as_it_was(settings, Job.from_json(job)) for job in stage["jobs"]),
        )
        for index, stage in enumerate(data["stages"])
    )
    flags = (
        "number",
        "source",
        "title",
        "created_ms",
        "is_sequential",
        "fail_fast",
        "skip_waiting_s",
        "limit_s",
    )
    run = Run(**{name: data[name] for name in flags}, stages=stages)
    agents = tuple(Agent.from_json(agent) for agent in data["agents"])
    return replace(run, agents=agents, extra_args=tuple(data["extra_args"]))


def _as_it_was(settings: Settings, planned: Job) -> Job:
    try:
        data = json.loads((job_dir(settings, planned.number) / "job.json").read_text())
    except FileNotFoundError:
        return planned
    return Job.from_json(data)


def _runs_dir(settings: Settings) -> Path:
    return settings.data_dir / "runs"


def _write(path: Path, data: Mapping[str, Any]) -> None:
    """A disk that takes nothing stops nobody: the ledger has it all, a record is what outlives the ledger."""
    text = json.dumps(data)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{id(text)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        scratch.replace(path)
    except OSError as error:
        logger.warning("not recorded: %s", error.strerror, extra={"path": str(path)})
        with contextlib.suppress(OSError):
            scratch.unlink()
