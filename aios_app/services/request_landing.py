"""Ask for landings: what may land takes its place in line, and the task ``merge_push`` does the rest."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from aios_app.domain.errors import ConflictError, GitError, NotNow, ProjectUnusable, UnknownJob
from aios_app.domain.landing import Landing, Outcome
from aios_app.domain.models import LIVE_STATES, SETTLED_STATES, Job, JobState
from aios_app.git.repository import Repository, find_repository
from aios_app.git.targets import Target, landing_target, line_key
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.find_jobs import find_jobs
from aios_app.services.line_up import join_line

_PASSED = "passed"
_ORIGIN = "origin/"
_RUN = re.compile(r"r\d+", re.ASCII)
#: Of what a client has no use for.
_HIDDEN = frozenset({"environment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingRequest:
    """What a person asks for: to land these jobs, or (``is_revert``) to undo what they landed."""

    refs: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    message: str = ""
    is_kept: bool = False
    resolves: bool = False
    only_passed: bool = False
    is_confirmed: bool = True
    is_revert: bool = False
    drops: tuple[int, ...] = ()
    is_part: bool = False  #: of a request for more jobs, which other machines have: a person is asked
    asked_at: str = ""  #: the other machine on which a person asked at a terminal; empty: this one


def request_landings(ctx: Context, request: LandingRequest) -> dict[str, Any]:
    """Begins the landings, or asks first where that is for a person to decide.

    What may not land is an error where it was the only job, else a problem beside the others.
    """
    jobs = landing_jobs(ctx, request)
    branches, planned = _Branches(), list[tuple[Job, Landing]]()
    problems: list[dict[str, Any]] = []
    for job in jobs:
        try:
            planned.append((job, _plan(ctx, job, request, branches)))
        except (ConflictError, ProjectUnusable, GitError) as error:
            if len(jobs) == 1:
                raise
            problems.append({"job": job.number, "message": str(error)})
    if not request.is_confirmed and _needs_a_person(planned, request):
        return _question(ctx, planned, request)
    landings = [_begin(ctx, landing, place) for place, (_, landing) in enumerate(planned)]
    return {"landings": [shown(landing) for landing in landings], "problems": problems}


def request_pick(ctx: Context, job: Job, request: LandingRequest) -> dict[str, Any]:
    """Lands the job; once it has landed its rivals go to the trash, but those whose agents work then."""
    rivals = [other.number for other in ctx.ledger.run_jobs(job.run) if _is_rival(other, job)]
    if job.state is JobState.LANDED and rivals:
        words = " ".join(map(str, rivals))
        raise NotNow(f"#{job.number} has landed already; its rivals go by aios w+ {words}")
    return request_landings(ctx, replace(request, refs=[str(job.number)], drops=tuple(rivals)))


def show_landing(ctx: Context, *, number: int) -> dict[str, Any]:
    """The job's last landing."""
    landing = ctx.ledger.lines.landing(number)
    if landing is None:
        raise UnknownJob(f"#{number} was not landed yet: aios land {number}")
    return {"landing": shown(landing)}


def shown(landing: Landing) -> dict[str, Any]:
    """The landing as clients get it."""
    return {name: value for name, value in landing.to_json().items() if name not in _HIDDEN}


def landing_jobs(ctx: Context, request: LandingRequest) -> list[Job]:
    """Of a run those that are not landed or dropped; with ``only_passed`` those with a green check."""
    by_run = {ref for ref in request.refs if _RUN.fullmatch(ref)}
    named = find_jobs(ctx, [ref for ref in request.refs if ref not in by_run], request.cwd)
    of_runs = [job for job in find_jobs(ctx, sorted(by_run), request.cwd) if job.state not in SETTLED_STATES]
    jobs = list({job.number: job for job in (*named, *of_runs)}.values())
    words = " ".join(request.refs)
    if request.only_passed:
        jobs = [job for job in jobs if job.state is JobState.REVIEW and job.check == _PASSED]
        if not jobs:
            raise NotNow(f"no job of {words} is in review with a check that passed: aios compare {words}")
    if not jobs:
        raise NotNow(f"nothing is left to land of {words}: aios jobs {words}")
    return jobs


def _is_rival(other: Job, job: Job) -> bool:
    return (
        other.number != job.number
        and other.project_id == job.project_id
        and other.state not in SETTLED_STATES
        and not other.is_in_place
    )


def _plan(ctx: Context, job: Job, request: LandingRequest, branches: _Branches) -> Landing:
    """The landing as it may be put in line; one that is over already where there is nothing to do."""
    if job.state is JobState.LANDED and not request.is_revert:
        over = _landing(job, request, _landed_on(job), "")
        return over.evolve(outcome=Outcome.LANDED, steps=(f"ok {already(job)}",))
    if not request.is_revert:
        check_landable(job)
    repository = find_repository(Path(job.path))
    target = _target(ctx, job, repository, request, branches)
    landing = _landing(job, request, target, branches.line(repository, target, ctx.machine))
    before = ctx.ledger.lines.landing(job.number)
    same = (landing.line, landing.is_revert)
    if before is None or (before.line, before.is_revert) != same or before.outcome is Outcome.LANDED:
        return landing
    # Nobody knows of it whether its push came through: it is looked for on the remote first.
    return landing.evolve(source_sha=before.source_sha, base_sha=before.base_sha, sha=before.sha)


def already(job: Job) -> str:
    """``already on origin/main 8c1d5aa``, and what became of it there."""
    where = f"already on {job.landed_ref} {job.landed_sha[:7]}".rstrip()
    return f"{where}; {job.note}" if job.note else where


def check_landable(job: Job) -> None:
    """Raises ``NotNow`` with what to do instead."""
    number = job.number
    if job.is_in_place:
        raise NotNow(f"#{number} works in your own directory {job.worktree}: aios push there")
    if job.state in LIVE_STATES:
        raise NotNow(f"#{number} is {job.state}, its agent works: aios wait {number} or aios stop {number}")
    if job.state is JobState.DROPPED:
        raise NotNow(f"#{number} was dropped: aios trash restore {number}")
    if not job.base_sha:
        raise NotNow(f"#{number} never began, so it has no work to land: aios retry {number}")


class _Branches:
    """Where work lands, each asked of git once for all jobs of a request."""

    def __init__(self) -> None:
        self.target = cache(landing_target)
        self.line = cache(line_key)


def _target(
    ctx: Context, job: Job, repository: Repository, request: LandingRequest, branches: _Branches
) -> Target:
    if request.is_revert:
        return _landed_on(job)
    return branches.target(repository, job.base_ref, project_setting(ctx, job, "base"))


def _landed_on(job: Job) -> Target:
    """Where the job's work went; a local branch, where there was no remote, has no ``origin/`` before it."""
    number = job.number
    if not job.landed_ref:
        raise NotNow(f"#{number} has not landed: aios land {number}")
    branch = job.landed_ref.removeprefix(_ORIGIN)
    return Target(branch=branch, remote="origin" if branch != job.landed_ref else "")


def _landing(job: Job, request: LandingRequest, target: Target, line: str) -> Landing:
    return Landing(
        id=str(uuid.uuid4()),
        job=job.number,
        line=line,
        label=f"{target.branch} of {job.project}",
        remote=target.remote,
        branch=target.branch,
        is_revert=request.is_revert,
        message=request.message,
        is_kept=request.is_kept,
        resolves=request.resolves,
        drops=request.drops,
        environment=tuple(request.environment.items()),
        asked_at=request.asked_at,
    )


def _needs_a_person(planned: Sequence[tuple[Job, Landing]], request: LandingRequest) -> bool:
    """One job in review lands as asked; several, unfinished ones, rivals and reverts are asked for."""
    begins = [job for job, landing in planned if landing.outcome is None]
    is_plain = len(begins) <= 1 and all(job.state is JobState.REVIEW for job in begins)
    asks = request.is_part or request.is_revert or bool(request.drops)
    return bool(begins) and (asks or not is_plain)


def _question(
    ctx: Context, planned: Sequence[tuple[Job, Landing]], request: LandingRequest
) -> dict[str, Any]:
    begins = [(job, landing) for job, landing in planned if landing.outcome is None]
    verb = "undo" if request.is_revert else "land"
    names = [f"{verb} {_line(job)} on {landing.label}" for job, landing in begins]
    names += [f"drop {_line(job)}" + _stays(job) for job in ctx.ledger.jobs(request.drops)]
    what = f"#{begins[0][0].number}" if len(begins) == 1 else f"{len(begins)} jobs"
    count = len(request.drops)
    drops = f" and drop {count} rival{'' if count == 1 else 's'}" if count else ""
    return {"question": f"{verb.capitalize()} {what}{drops}?", "names": names}


def _line(job: Job) -> str:
    change = f" +{job.added} -{job.removed}" if job.files else ""
    return f'#{job.number} {job.state} {job.agent}{change} "{job.title}"'


def _stays(job: Job) -> str:
    return ": its agent works, so it stays" if job.state in LIVE_STATES else ""


def _begin(ctx: Context, landing: Landing, place: int) -> Landing:
    """Asked for twice it is the same landing."""
    if landing.outcome is not None:
        return landing
    landing = landing.evolve(asked_ms=ctx.ledger.now_ms() + place)
    join_line(ctx, landing)
    return ctx.ledger.lines.landing(landing.job) or landing
