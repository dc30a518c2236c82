"""On which machines a request is answered: where its jobs are, on all, or on the one that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aios_app.domain.errors import AiosError, UsageError
from aios_app.domain.models import Job
from aios_app.services.context import Context
from aios_app.services.find_jobs import find_jobs, find_one
from aios_app.services.project_places import machine_named
from aios_app.services.request_landing import LandingRequest, landing_jobs

if TYPE_CHECKING:
    from web.handlers import Endpoint

Given = dict[str, Any]
Json = dict[str, Any]

_MOST_DIGITS = 18
_PAIR = 2
#: Of the environment of a person's terminal what leads git to keys.
_KEYS = frozenset({"GIT_SSH", "GIT_SSH_COMMAND", "GNUPGHOME", "SSH_AGENT_PID", "SSH_AUTH_SOCK"})


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
class First:
    """A request that must be answered before another can be: its answer is the field ``name`` of that."""

    line: str
    endpoint: Endpoint
    given: Given
    name: str
    rest: Given  #: the other fields


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where an endpoint is answered, and how several answers become one."""

    divide: Callable[[Context, Given], list[Part]]
    merge: Callable[[Sequence[Outcome]], Json]
    limit_s: float = 100.0  #: that another machine has for its answer
    first: Callable[[Context, Given], First | None] | None = None


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
        Part(machine=machine, given=given | refs_to(theirs), jobs=theirs, order=order)
        for machine in machines
        if (theirs := tuple(job for job in jobs if (job.machine or ctx.machine) == machine))
    ]


def every_machine(ctx: Context, given: Given) -> list[Part]:
    """This machine first, then all others that have a node."""
    others = [one.id for one in ctx.ledger.machines_known() if one.port and one.id != ctx.machine]
    return [Part(machine=machine, given=given) for machine in (ctx.machine, *others)]


def job_attached(ctx: Context, given: Given) -> list[Part]:
    """The machine of the job; the tmux that the caller is in is of this one."""
    [part] = job_named(ctx, given)
    return [part if part.machine == ctx.machine else replace(part, given=part.given | {"tmux": ""})]


def jobs_landed(ctx: Context, given: Given) -> list[Part]:
    """The machines of the jobs that may land; where they are several, a person is asked first."""
    parts = divided(ctx, given, landing_jobs(ctx, LandingRequest(**given)))
    is_part = {"is_part": True} if len(parts) > 1 else {}
    return [_asked_at(ctx, replace(part, given=part.given | is_part)) for part in parts]


def job_landed(ctx: Context, given: Given) -> list[Part]:
    """The machine of the one job that lands, or is undone."""
    return [_asked_at(ctx, part) for part in job_named(ctx, given)]


def work_dropped(ctx: Context, given: Given) -> list[Part]:
    """The machines of the jobs; worktrees that are named are of this machine."""
    parts = [replace(part, given=part.given | {"names": ()}) for part in jobs_named(ctx, given)]
    own = [part for part in parts if part.machine == ctx.machine] or [
        Part(machine=ctx.machine, given=given | {"refs": ()}, order=parts[0].order if parts else {})
    ]
    others = [part for part in parts if part.machine != ctx.machine]
    if given["names"] or not others:
        return [replace(own[0], given=own[0].given | {"names": given["names"], "cwd": given["cwd"]}), *others]
    return parts


def at_owner(ctx: Context, given: Given) -> list[Part]:
    """The machine that the cluster's Redis belongs to; this one where that is nobody's."""
    return [Part(machine=ctx.ledger.registry.owner() or ctx.machine, given=given)]


def every_trash(ctx: Context, given: Given) -> list[Part]:
    """All machines; the directory that a person is in means something on this one."""
    first, *others = every_machine(ctx, given)
    return [first, *(replace(part, given=given | {"cwd": ""}) for part in others)]


def job_restored(ctx: Context, given: Given) -> list[Part]:
    """The machine of the job whose number ``ref`` is; other names are of this machine."""
    ref = given["ref"]
    job = ctx.ledger.job(int(ref)) if ref.isascii() and ref.isdigit() and len(ref) < _MOST_DIGITS else None
    return [Part(machine=(job and job.machine) or ctx.machine, given=given, jobs=(job,) if job else ())]


def project_opened(ctx: Context, given: Given) -> list[Part]:
    """The machine of the project that the first word names, else this one."""
    word = given["words"][0] if given["words"] else ""
    named = [one for one in ctx.catalog.projects() if word in {str(one.number), one.name}]
    is_there = bool(named and named[0].path and named[0].machine_id)
    return [Part(machine=named[0].machine_id if is_there else ctx.machine, given=given)]


def project_added(ctx: Context, given: Given) -> list[Part]:
    """The machine that is named: the path is of that one."""
    word = given["machine"]
    machine = machine_named(ctx, word).id if word else ctx.machine
    if machine == ctx.machine:
        return [Part(machine=machine, given=given)]
    if given["path"] and not given["path"].startswith(("/", "~/")):
        raise UsageError(f"{given['path']} is a path of {word}: write it in full, or from '~/' on")
    return [Part(machine=machine, given=given | {"machine": "", "cwd": "/"})]


def of_two_machines(ctx: Context, given: Given) -> tuple[Job, Job] | None:
    """The two jobs of the request, where they are not of one machine."""
    jobs = find_jobs(ctx, given["refs"], given["cwd"])
    return (jobs[0], jobs[1]) if len(jobs) == _PAIR and jobs[0].machine != jobs[1].machine else None


def _asked_at(ctx: Context, part: Part) -> Part:
    """Says to another machine where the terminal is whose keys it does not get."""
    if part.machine == ctx.machine or not part.given["environment"].keys() & _KEYS:
        return part
    return replace(part, given=part.given | {"asked_at": ctx.catalog.machine_name()})


def _part_of(ctx: Context, job: Job, given: Given) -> Part:
    return Part(
        machine=job.machine or ctx.machine,
        given={**given, "ref": str(job.number), "cwd": "/"},
        jobs=(job,),
    )


def refs_to(jobs: Sequence[Job]) -> dict[str, Any]:
    """The fields of a request that name these jobs."""
    return {"refs": tuple(str(job.number) for job in jobs), "cwd": "/"}
