"""Lists of steps: built, shown, cleared, run; and what becomes of their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aios_app.agents import STEPS_AGENT
from aios_app.domain.errors import UsageError
from aios_app.domain.models import Job, JobState, Project
from aios_app.domain.naming import title_of
from aios_app.domain.opening import is_place
from aios_app.domain.planning import Order
from aios_app.domain.steps import (
    STEPS,
    Step,
    cause_of,
    check_name,
    check_steps,
    done_with,
    dumped,
    loaded,
    progress_of,
)
from aios_app.ledger.ledger import Attempt
from aios_app.services.context import Context
from aios_app.services.finish_job import AT_WORK
from aios_app.services.opening_place import project_for
from aios_app.services.project_places import placed
from aios_app.services.records import record
from aios_app.services.start_run import base_line, begin_run, plan, run_json

_ENDED = frozenset({JobState.REVIEW, JobState.FAILED, JobState.STOPPED, JobState.LOST})


def list_steps(ctx: Context) -> dict[str, Any]:
    """The lists of steps that were built."""
    return {"lists": [one.to_json() for one in ctx.catalog.step_lists()]}


def add_step(ctx: Context, *, name: str, description: str, command: str, cwd: str) -> dict[str, Any]:
    """Adds a step at the end of a list; the first one makes the list, which is run where that was built."""
    step = Step(description=description, command=command)
    return {"list": ctx.catalog.add_step(name, step, cwd).to_json()}


def clear_steps(ctx: Context, *, name: str) -> dict[str, Any]:
    """Forgets a list with its steps, and takes its ended jobs off the list of jobs; others go on."""
    cleared = ctx.catalog.clear_steps(name)
    _settle(ctx, name)
    return {"list": cleared.to_json()}


def run_steps(
    ctx: Context,
    *,
    name: str,
    cwd: str,
    steps: Sequence[Step] | None,
    repo: str,
    branch: str,
    is_dry_run: bool,
) -> dict[str, Any]:
    """Starts a job of these steps, or of the list that was built under the name where there are none.

    In ``repo``, a project or a directory of a repository, it has a fresh worktree that begins at ``branch``;
    else it works in ``cwd``, or where the list was built.
    """
    check_name(name)
    is_built = steps is None
    if steps is None:
        built = ctx.catalog.find_steps(name)
        steps, cwd = built.steps, built.directory
    order = _order(name, _project(ctx, repo, cwd), is_in_place=not repo, branch=branch)
    steps = check_steps(steps)
    base = base_line(ctx, order)
    if is_dry_run:
        return {"run": run_json(plan(ctx, order, run=0, first_job=1, now_ms=0)), "base": base}
    if is_built:
        _settle(ctx, name)
    return {"run": run_json(begin_run(ctx, order, {STEPS: dumped(steps)})), "base": base}


def begin_step(ctx: Context, attempt: Attempt, number: int) -> None:
    """The job's shell has come to this step."""
    steps = _steps_of(ctx, ctx.ledger.job_of(attempt))
    progress = progress_of(steps, number)
    if progress:
        ctx.ledger.move(attempt.id, AT_WORK, None, step=number, progress=progress)


def end_of_steps(ctx: Context, attempt: Attempt, job: Job, words: str) -> tuple[JobState, str]:
    """What the end of the shell means for a job of steps; ``words`` say how, empty: with 0."""
    steps = _steps_of(ctx, job)
    cause = cause_of(steps, job.step, words)
    if cause:
        return JobState.FAILED, cause
    ctx.ledger.move(attempt.id, AT_WORK, None, progress=done_with(steps))
    return JobState.REVIEW, ""


def _steps_of(ctx: Context, job: Job) -> tuple[Step, ...]:
    return loaded(ctx.ledger.prompts(job.run).get(STEPS, "[]"))


def _order(name: str, project: Project, *, is_in_place: bool, branch: str) -> Order:
    if branch.startswith("-"):
        raise UsageError(f"'{branch}' cannot be a branch: it begins with a dash")
    return Order(
        source=STEPS,
        agents=((STEPS_AGENT, 1),),
        projects=(project,),
        prompt=name,
        base=branch,
        name=f"aios-{name}",
        is_in_place=is_in_place,
    )


def _project(ctx: Context, repo: str, cwd: str) -> Project:
    """Where the steps are run: the repository, or the directory itself."""
    if not repo:
        return project_for(ctx, Path(cwd), is_new=False)
    is_path = is_place(repo) or repo.startswith("/")
    project = project_for(ctx, Path(cwd, repo), is_new=True) if is_path else ctx.catalog.find_project(repo)
    return placed(ctx, [project])[0][0]


def _settle(ctx: Context, name: str) -> None:
    """The list's ended jobs are done with: in the person's own directory there is nothing to land."""
    for job in ctx.ledger.jobs_in(_ENDED):
        is_of_list = job.agent_key == STEPS and job.is_in_place and job.title == title_of(name)
        if is_of_list and ctx.ledger.settle(job.number, _ENDED, JobState.DROPPED):
            record(ctx, job.number)
