"""From what was asked to the whole future of a run, as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aios_app.domain.errors import UsageError
from aios_app.domain.models import Agent, Finishes, Job, Project, Run, Stage
from aios_app.domain.naming import branch_name, job_name, port_block, title_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asked for, resolved: these agents, so many of each, in each of these projects."""

    source: str  #: the command, as it goes into names: ``all``, ``multi``, ``here`` or ``new``
    agents: tuple[tuple[Agent, int], ...]
    projects: tuple[Project, ...]
    prompt: str
    is_sequential: bool = False
    fail_fast: bool = False
    skip_waiting_s: int = 0
    limit_s: int = 0
    base: str = ""
    name: str = ""  #: takes the place of the project in the names of worktrees and sessions
    extra_args: tuple[str, ...] = ()
    is_in_place: bool = False  #: in the projects' own directories, without worktrees
    placed: str = ""  #: why its jobs are on their machine, where that is known already

    @property
    def job_count(self) -> int:
        return len(self.projects) * sum(count for _, count in self.agents)


def check_order(order: Order) -> None:
    """Raises ``UsageError`` for what can never end well."""
    endless = [agent.name for agent, _ in order.agents if agent.finishes is Finishes.NEVER]
    if order.is_sequential and endless:
        raise UsageError(f"{endless[0]} never finishes, so --seq would wait for ever: leave one of them out")


def plan_run(order: Order, *, number: int, first_job: int, created_ms: int, stamp: str) -> Run:
    """The run with all stages and jobs; job numbers count up from ``first_job``. Attempts are not given yet.

    In sequence, ``all`` takes the projects one after another and ``multi`` the agents.
    """
    check_order(order)
    jobs = [
        _job(order, project, agent, instance, run=number, created_ms=created_ms)
        for project in order.projects
        for agent, count in order.agents
        for instance in range(count)
    ]
    groups = _groups(jobs, order)
    stages: list[Stage] = []
    job_number = first_job
    for index, (label, group) in enumerate(groups):
        numbered = []
        for job in group:
            numbered.append(_numbered(job, order, stage=index, number=job_number, stamp=stamp))
            job_number += 1
        stages.append(Stage(index=index, label=label, jobs=tuple(numbered)))
    return Run(
        number=number,
        source=order.source,
        title=title_of(order.prompt),
        created_ms=created_ms,
        stages=_with_reasons(stages),
        agents=tuple(agent for agent, _ in order.agents),
        is_sequential=order.is_sequential,
        fail_fast=order.fail_fast,
        skip_waiting_s=order.skip_waiting_s,
        limit_s=order.limit_s,
        extra_args=order.extra_args,
    )


def _groups(jobs: Sequence[Job], order: Order) -> Iterable[tuple[str, list[Job]]]:
    if not order.is_sequential:
        return [(order.source, list(jobs))]
    if order.source == "multi":
        return [(f"{job.agent} {job.instance + 1}", [job]) for job in jobs]
    return [(p.name, [job for job in jobs if job.project_id == p.uuid]) for p in order.projects]


def _job(order: Order, project: Project, agent: Agent, instance: int, *, run: int, created_ms: int) -> Job:
    return Job(
        number=0,
        run=run,
        stage=0,
        name="",
        branch="",
        project_id=project.uuid,
        project=project.name,
        path=project.path,
        machine=project.machine_id,
        placed=order.placed,
        agent_key=agent.key,
        agent=agent.name,
        finishes=agent.finishes,
        weight=agent.weight,
        lane=agent.lane,
        instance=instance,
        title=title_of(order.prompt),
        created_ms=created_ms,
        since_ms=created_ms,
        base=order.base,
        limit_s=order.limit_s,
        is_in_place=order.is_in_place,
        worktree=project.path if order.is_in_place else "",
    )


def _numbered(job: Job, order: Order, *, stage: int, number: int, stamp: str) -> Job:
    return replace(
        job,
        number=number,
        stage=stage,
        name=job_name(
            project=order.name or job.project,
            agent=job.agent,
            stamp=stamp,
            source=order.source,
            instance=job.instance,
            number=number,
        ),
        branch="" if order.is_in_place else branch_name(number, order.prompt),
        port=port_block(number),
    )


def _with_reasons(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    first, *later = stages
    done = [first]
    for before, stage in zip(stages, later, strict=False):
        jobs = tuple(replace(job, reason=f"after {before.label}") for job in stage.jobs)
        done.append(replace(stage, jobs=jobs))
    return tuple(done)
