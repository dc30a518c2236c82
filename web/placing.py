"""On which machines a request is answered: where its jobs are, on all, or on the one that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job
from aios_app.services.context import Context
from aios_app.services.find_jobs import find_jobs, find_one

Given = dict[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a request one machine answers: the fields, and the jobs that it is about, if it is."""

    machine: str
    given: Given
    jobs: tuple[Job, ...] = ()
    order: Mapping[int, int] = field(default_factory=dict)  #: of all jobs of the request, by number


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a part: an answer, or an error. ``name`` is its machine's."""

    part: Part
    name: str
    is_here: bool
    answer: Json = field(default_factory=dict)
    error: AiosError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where an endpoint is answered, and how several answers become one."""

    divide: Callable[[Context, Given], list[Part]]
    merge: Callable[[Sequence[Outcome]], Json]
    limit_s: float = 100.0  #: that another machine has for its answer


def job_named(ctx: Context, given: Given) -> list[Part]:
    """The machine of the one job that ``ref`` means."""
    return [_part_of(ctx, find_one(ctx, given["ref"], given["cwd"]), given)]


def job_numbered(ctx: Context, given: Given) -> list[Part]:
    """The machine of the job ``number``."""
    job = ctx.ledger.job(given["number"])
    return [Part(machine=(job and job.machine) or ctx.machine, given=given, jobs=(job,) if job else ())]


def jobs_named(ctx: Context, given: Given) -> list[Part]:
    """The machines of the jobs that ``refs`` mean."""
    return divided(ctx, given, find_jobs(ctx, given["refs"], given["cwd"]))


def divided(ctx: Context, given: Given, jobs: Sequence[Job]) -> list[Part]:
    """A part for each machine that has some of the jobs."""
    order = {job.number: place for place, job in enumerate(jobs)}
    machines = dict.fromkeys(job.machine or ctx.machine for job in jobs)
    return [
        Part(machine=machine, given=given | _refs(theirs), jobs=theirs, order=order)
        for machine in machines
        if (theirs := tuple(job for job in jobs if (job.machine or ctx.machine) == machine))
    ]


def every_machine(ctx: Context, given: Given) -> list[Part]:
    """This machine first, then all others that have a node."""
    others = [one.id for one in ctx.ledger.machines_known() if one.port and one.id != ctx.machine]
    return [Part(machine=machine, given=given) for machine in (ctx.machine, *others)]


def _part_of(ctx: Context, job: Job, given: Given) -> Part:
    return Part(
        machine=job.machine or ctx.machine,
        given={**given, "ref": str(job.number), "cwd": "/"},
        jobs=(job,),
    )


def _refs(jobs: Sequence[Job]) -> dict[str, Any]:
    return {"refs": tuple(str(job.number) for job in jobs), "cwd": "/"}
