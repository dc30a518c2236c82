"""Remove the worktrees of jobs that are done with: landed, or without a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job, JobState
from aios_app.domain.specs import parse_duration
from aios_app.git.repository import find_repository
from aios_app.git.standing import Standing, Work, standing_of
from aios_app.git.worktrees import repository_lock
from aios_app.services.close_agent import why_busy
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.drop_jobs import Candidate, candidate_of, drop_job, remove_all
from aios_app.services.fetch_origin import fetch_origin
from aios_app.services.remove_work import has_work

#: Jobs, and repositories, looked at side by side.
_AT_ONCE = 4
_DONE_WITH = {Work.LANDED: JobState.LANDED, Work.UNCHANGED: JobState.DROPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A job whose worktree stays, and why."""

    job: Job
    message: str


def clean_up(ctx: Context, *, older: str, is_all: bool, is_confirmed: bool) -> dict[str, Any]:
    """Removes what has landed, also by a pull request, or never changed; with ``is_all`` the rest too.

    ``older`` leaves out jobs that came into their state later than so long ago. What stays is in ``kept``.
    """
    before_ms = ctx.ledger.now_ms() - (parse_duration(older) * 1000 if older else 0)
    own = [job for job in ctx.ledger.jobs_in(JobState) if job.machine == ctx.machine and has_work(job)]
    jobs = [job for job in own if job.since_ms <= before_ms]
    jobs.sort(key=lambda job: job.number)
    problems = _fetch({job.path for job in jobs}, ctx)
    found = _each(partial(_look, ctx, is_all=is_all), jobs)
    going = [one for one in found if isinstance(one, Candidate)]
    kept = [
        {"job": one.job.to_json(), "name": one.job.name, "message": one.message}
        for one in found
        if isinstance(one, _Kept)
    ]
    answer = remove_all(going, is_confirmed=is_confirmed) if going else {"results": []}
    return answer | {"kept": kept, "problems": problems}


def _look(ctx: Context, job: Job, *, is_all: bool) -> Candidate | _Kept:
    if busy := why_busy(ctx, job):
        return _Kept(job=job, message=busy)
    try:
        standing = _standing(ctx, job)
    except AiosError as error:
        return _Kept(job=job, message=str(error))
    if standing.work in _DONE_WITH:
        return _done_with(ctx, job, standing)
    if not is_all:
        return _Kept(job=job, message=f"{standing.work}: aios land {job.number}, or aios cleanup --all")
    candidate = candidate_of(ctx, job)
    return _Kept(job=job, message=candidate.problem) if candidate.problem else candidate


def _done_with(ctx: Context, job: Job, standing: Standing) -> Candidate:
    state = _DONE_WITH[standing.work]
    return replace(
        candidate_of(ctx, job),
        lines=(standing.work.value,),
        remove=lambda: drop_job(ctx, job, state, at=standing.head),
    )


def _standing(ctx: Context, job: Job) -> Standing:
    standing = standing_of(
        find_repository(Path(job.path)),
        Path(job.worktree),
        branch=job.branch,
        base_ref=job.base_ref,
        base_sha=job.base_sha,
        wanted=project_setting(ctx, job, "base"),
    )
    is_undone = bool(job.undone_sha) and standing.work is Work.LANDED
    return replace(standing, work=Work.OPEN) if is_undone else standing


def _fetch(paths: Iterable[str], ctx: Context) -> list[str]:
    """What was merged elsewhere is known by the remote; where it does not answer, by what it said last."""

    def one(path: str) -> str:
        try:
            repository = find_repository(Path(path))
            with repository_lock(ctx.settings.locks_dir, repository):
                said = fetch_origin(ctx, repository)
        except AiosError as error:
            return str(error)
        return f"{Path(path).name}: {said}" if said else ""

    return [problem for problem in _each(one, sorted(paths)) if problem]


def _each(do: Any, things: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - what ``do`` takes and gives
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(do, things))
