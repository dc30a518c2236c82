"""Try jobs again: a new attempt in the same worktree, or in a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios_app.domain.errors import BadValue, ProjectUnusable, UsageError
from aios_app.domain.machines import Machine
from aios_app.domain.models import Job, JobState
from aios_app.domain.steps import STEPS
from aios_app.services.context import Context
from aios_app.services.project_places import machine_named, placed_on
from aios_app.services.records import record

#: The mode of an attempt that a person wants now, also where its lane is parked.
RETRY = "retry"
RETRIABLE = frozenset({JobState.FAILED, JobState.STOPPED, JobState.LOST})


def retry_jobs(
    ctx: Context, jobs: Sequence[Job], *, agent: str, is_fresh: bool, machine: str = ""
) -> dict[str, Any]:
    """Queues a new attempt of each failed, stopped or lost job; ``claim.dispatch`` sends what may begin.

    On ``machine``, or where its own is gone on any, the work goes on that was pushed, else from the base.
    Jobs in other states are passed over silently where there is one to retry, else named as problems.
    """
    chosen = [job for job in jobs if job.state in RETRIABLE]
    if is_fresh and any(job.is_in_place for job in chosen):
        raise BadValue("a job in your own directory has no worktree: retry it without --fresh")
    if agent and any(job.agent_key == STEPS for job in chosen):
        raise BadValue("a job of steps has no agent: retry it without --agent")
    problems = [] if chosen else [_problem(job, f"is {job.state}: nothing to retry") for job in jobs]
    renewed: list[Job] = []
    wanted = machine_named(ctx, machine) if machine else None
    for job in chosen:
        try:
            moved = _move(ctx, job, wanted)
        except (ProjectUnusable, UsageError) as error:
            problems.append(_problem(job, f"stays: {error}"))
            continue
        if renew_job(ctx, job, _changes(ctx, job, agent=agent, is_fresh=is_fresh) | moved, mode=RETRY):
            renewed.append(record(ctx, job.number))
        else:
            problems.append(_problem(job, "changed its state meanwhile: look at aios jobs"))
    return {"jobs": [job.to_json() for job in renewed], "problems": problems}


def renew_job(
    ctx: Context, job: Job, changes: Mapping[str, str | int] | None = None, *, mode: str = ""
) -> bool:
    """Queues a new attempt of this one job; False where its state forbids it."""
    anew: dict[str, str | int] = {"finished_ms": 0, "started_ms": 0, "message": "", "step": 0, "progress": ""}
    attempt = ctx.ledger.renew(
        job, RETRIABLE, order=job.number, mode=mode, changes=anew | dict(changes or {})
    )
    return attempt is not None


def _changes(ctx: Context, job: Job, *, agent: str, is_fresh: bool) -> dict[str, str | int]:
    changes = _agent_fields(ctx, job, agent) if agent else {}
    if is_fresh:
        suffix = f"-a{job.attempt_no + 1}"
        changes |= {
            "worktree": _suffixed(job.worktree, job.attempt_no, suffix),
            "branch": _suffixed(job.branch, job.attempt_no, suffix),
            "base_sha": "",
            "base_ref": "",
            "wip": "",
        }
    return changes


def _move(ctx: Context, job: Job, wanted: Machine | None) -> dict[str, str | int]:
    """What changes where the job leaves its machine; nothing where it stays."""
    if wanted.id == job.machine if wanted else job.machine in ctx.ledger.machines():
        return {}
    if job.is_in_place:
        raise UsageError("it works in a directory of its machine")
    saved = (one for one in ctx.catalog.projects() if one.uuid == job.project_id)
    project = placed_on(ctx, next(saved, None), wanted, name=job.project)
    base: dict[str, str | int] = {} if job.wip else {"base_sha": "", "base_ref": ""}
    return base | {
        "machine": project.machine_id,
        "path": project.path,
        "worktree": "",
        "branch": _suffixed(job.branch, job.attempt_no, f"-a{job.attempt_no + 1}"),
        "placed": f"--machine {wanted.name}" if wanted else "",
        "conversation": "",
        "transcript": "",
        "usage": "",
    }


def _suffixed(name: str, attempt_no: int, suffix: str) -> str:
    return name.removesuffix(f"-a{attempt_no}") + suffix


def _agent_fields(ctx: Context, job: Job, word: str) -> dict[str, str | int]:
    agent = ctx.catalog.find_agent(word)
    ctx.ledger.add_run_agent(job.run, agent)
    return {
        "agent_key": agent.key,
        "agent": agent.name,
        "finishes": agent.finishes.value,
        "weight": agent.weight,
        "lane": agent.lane,
        "conversation": "",
    }


def _problem(job: Job, words: str) -> dict[str, Any]:
    return {"job": job.number, "message": f"#{job.number} {words}"}
