"""Start a run: from a person's words to jobs in the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aios_app.domain.errors import AiosError, BadValue, UsageError
from aios_app.domain.models import Agent, AgentSpec, Finishes, Job, Project, Run
from aios_app.domain.planning import Order, check_order, plan_run
from aios_app.domain.specs import check_prompt, is_spec, parse_duration, split_words
from aios_app.domain.steps import STEPS
from aios_app.git.base import resolve_base
from aios_app.git.repository import find_repository
from aios_app.services.catalogue_sync import freshen_catalogue
from aios_app.services.context import Context
from aios_app.services.project_places import is_here, placed, worktree_of
from aios_app.services.records import write_run
from aios_app.services.unattended import first_notice, unattended

#: More jobs than this are started only after a person said yes.
MANY_JOBS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What ``POST /api/v1/runs`` carries; see ``docs/api.md``."""

    source: str
    words: Sequence[str]
    cwd: str
    prompt: str | None = None
    only: Sequence[str] = ()
    exclude: Sequence[str] = ()
    is_sequential: bool = False
    fail_fast: bool = False
    skip_waiting: str = ""
    limit: str = ""
    base: str = ""
    name: str = ""
    extra_args: Sequence[str] = ()
    is_dry_run: bool = False
    is_confirmed: bool = True
    machine: str = ""


def start_run(ctx: Context, request: RunRequest) -> dict[str, Any]:
    """Plans the run, writes it to the ledger and answers; what may begin is sent by ``claim.dispatch``.

    Raises ``UsageError`` for what is wrong in the request, before anything is written.
    """
    freshen_catalogue(ctx)
    project_word, specs, prompt = _words(request)
    agents = _agents(ctx, specs)
    prompts = _prompts(ctx, agents, prompt)
    projects, problems = placed(ctx, _projects(ctx, request, project_word), request.machine)
    order = _order(request, agents, projects, prompt or "")
    check_order(order)
    answer = {"problems": problems, "base": base_line(ctx, order)}
    if request.is_dry_run:
        return answer | {"run": run_json(plan(ctx, order, run=0, first_job=1, now_ms=0))}
    question = "" if request.is_confirmed else _question(ctx, order, has_prompt=prompt is not None)
    if question:
        return answer | {"question": question}
    run = begin_run(ctx, order, prompts)
    return answer | {"run": run_json(run), "notice": first_notice(ctx, run.agents)}


def begin_run(ctx: Context, order: Order, prompts: Mapping[str, str]) -> Run:
    """Gives the run its numbers and writes it to the ledger and to disk; ``claim.dispatch`` sends its jobs.

    ``prompts`` are by agent key, ``*`` for all; an empty one lets the agent sit at its own prompt.
    """
    numbers = ctx.ledger.reserve(order.job_count)
    run = plan(ctx, order, run=numbers.run, first_job=numbers.first_job, now_ms=numbers.now_ms)
    ctx.catalog.note_numbers(numbers.run, numbers.first_job + order.job_count - 1)
    ctx.ledger.create_run(run, prompts)
    write_run(ctx.settings, run, prompts)
    return run


def run_json(run: Run) -> dict[str, Any]:
    """The run as the API shows it."""
    return {
        "number": run.number,
        "source": run.source,
        "title": run.title,
        "is_sequential": run.is_sequential,
        "stages": [
            {"index": stage.index, "label": stage.label, "jobs": [job.to_json() for job in stage.jobs]}
            for stage in run.stages
        ],
    }


def _words(request: RunRequest) -> tuple[str, list[AgentSpec], str | None]:
    words = list(request.words)
    has_project = request.source == "multi" and len(words) > 1 and not is_spec(words[0]) and is_spec(words[1])
    project = words.pop(0) if has_project else ""
    specs, prompt = split_words(words)
    if request.prompt is not None:
        if prompt is not None:
            raise UsageError("two prompts: one in the words and one from --prompt-file")
        prompt = request.prompt
    return project, specs, None if prompt is None else check_prompt(prompt)


def _agents(ctx: Context, specs: Iterable[AgentSpec]) -> list[tuple[Agent, int]]:
    counts: dict[str, tuple[Agent, int]] = {}
    for spec in specs:
        agent = ctx.catalog.find_agent(spec.agent)
        counts[agent.key] = (agent, counts.get(agent.key, (agent, 0))[1] + spec.count)
    return list(counts.values())


def _prompts(ctx: Context, agents: Sequence[tuple[Agent, int]], prompt: str | None) -> dict[str, str]:
    if prompt is not None:
        return {"*": prompt}
    return {a.key: ctx.catalog.prompt_for(a) for a, _ in agents if a.finishes is not Finishes.NEVER}


def _projects(ctx: Context, request: RunRequest, word: str) -> list[Project]:
    if request.source == "all":
        return _all_projects(ctx, request)
    if word and "/" not in word and word not in {".", ".."}:
        return [ctx.catalog.find_project(word)]
    root = find_repository(Path(request.cwd, word)).root
    saved = ctx.catalog.project_at(root)
    return [saved or unsaved(ctx, root)]


def _all_projects(ctx: Context, request: RunRequest) -> list[Project]:
    if not ctx.catalog.projects():
        raise UsageError("no project is saved: aios add PATH, or aios scan DIR to find some")
    return ctx.catalog.select_projects(request.only, request.exclude)


def unsaved(ctx: Context, root: Path) -> Project:
    """A directory that is no saved project, with an identity that stays the same."""
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ctx.machine}:{root}"))
    return Project(uuid=identity, number=-1, name=root.name, path=str(root), machine_id=ctx.machine)


def _order(
    request: RunRequest, agents: Sequence[tuple[Agent, int]], projects: Sequence[Project], prompt: str
) -> Order:
    if request.source not in {"all", "multi"}:
        raise BadValue(f"'{request.source}' is not a source of runs: all or multi")
    if request.base.startswith("-"):
        raise BadValue(f"'{request.base}' cannot be a base: name a branch, tag or commit")
    if request.fail_fast and not request.is_sequential:
        raise UsageError("--fail-fast needs --seq: in parallel there is nothing left to hold back")
    return Order(
        source=request.source,
        agents=tuple(agents),
        projects=tuple(projects),
        prompt=prompt,
        is_sequential=request.is_sequential,
        fail_fast=request.fail_fast,
        skip_waiting_s=parse_duration(request.skip_waiting) if request.skip_waiting else 0,
        limit_s=parse_duration(request.limit) if request.limit else 0,
        base=request.base,
        name=request.name,
        extra_args=tuple(request.extra_args),
        placed=f"--machine {request.machine}" if request.machine else "",
    )


def plan(ctx: Context, order: Order, *, run: int, first_job: int, now_ms: int) -> Run:
    """The run with its attempts and worktrees; nothing is written."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    planned = plan_run(order, number=run, first_job=first_job, created_ms=now_ms, stamp=stamp)

    def complete(job: Job) -> Job:
        worktree = str(worktree_of(ctx, job)) if job.machine == ctx.machine else job.worktree
        return replace(job, attempt=str(uuid.uuid4()), worktree=worktree)

    return replace(
        planned,
        stages=tuple(replace(stage, jobs=tuple(map(complete, stage.jobs))) for stage in planned.stages),
    )


def base_line(ctx: Context, order: Order) -> str:
    """For one project of this machine: what its worktrees begin from, as last fetched."""
    if order.is_in_place or order.source not in {"multi", "new", STEPS}:
        return ""
    if not is_here(ctx, order.projects[0]):
        return ""
    try:
        return resolve_base(find_repository(Path(order.projects[0].path)), order.base).sentence()
    except AiosError:
        return ""  # the base may be known only after the fetch; the job says it then


def _at_a_time(ctx: Context) -> int:
    """How many agents all machines that are there bear."""
    others = [one for one in ctx.ledger.machines_known() if one.is_there and one.id != ctx.machine]
    own = int(ctx.catalog.get("max_agents")) if ctx.settings.has_worker else 0
    return own + sum(one.max_agents for one in others)


def _question(ctx: Context, order: Order, *, has_prompt: bool) -> str:
    if order.job_count <= MANY_JOBS and (has_prompt or order.source != "all"):
        return ""
    names = unattended(agent for agent, _ in order.agents)
    parts = [f"{order.job_count} agents in {len(order.projects)} projects"]
    parts.append(f"{_at_a_time(ctx)} at a time")
    if names:
        parts.append(f"{', '.join(names)} without approvals")
    if not has_prompt:
        parts.append("with the default prompt")
    return ", ".join(parts) + ". Start?"
