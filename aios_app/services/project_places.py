"""Where a project is: on its machine, or in a clone of whichever machine works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aios_app.domain.errors import ProjectUnusable, UsageError
from aios_app.domain.machines import Machine
from aios_app.domain.models import Job, Project
from aios_app.domain.specs import parse_duration
from aios_app.git.cloning import clone, clone_at, has_clone
from aios_app.git.repository import Repository, check_project, find_repository
from aios_app.git.worktrees import repository_lock
from aios_app.services.catalogue_sync import freshen_catalogue
from aios_app.services.context import Context

Problem = dict[str, str]


def machine_named(ctx: Context, word: str) -> Machine:
    """By its id, its name, or its id's beginning; raises ``UsageError`` where that is not one machine."""
    known = ctx.ledger.machines_known()
    named = [one for one in known if one.id == word] or [one for one in known if one.name == word]
    found = named or [one for one in known if word and one.id.startswith(word)]
    if len(found) != 1:
        names = ", ".join(one.name for one in known)
        raise UsageError(f"there is no machine {word[:60]!r} (there are: {names})")
    return found[0]


def placed(
    ctx: Context, projects: Sequence[Project], machine: str = ""
) -> tuple[list[Project], list[Problem]]:
    """The projects as a run takes them, and what keeps others out of it.

    One that any machine may clone has no machine and no path, unless ``machine`` names one. What lies on
    this machine is looked at; of what lies on others their workers say what is wrong.
    """
    wanted = machine_named(ctx, machine) if machine else None
    usable: list[Project] = []
    problems: list[Problem] = []
    for project in projects:
        try:
            usable.append(_placed(ctx, project, wanted))
        except ProjectUnusable as error:
            problems.append({"project": project.name, "message": str(error)})
    if not usable:
        raise ProjectUnusable("; ".join(problem["message"] for problem in problems))
    return usable, problems


def placed_on(ctx: Context, project: Project | None, wanted: Machine | None, *, name: str) -> Project:
    """One project as ``placed`` has it; raises ``ProjectUnusable`` with why it cannot be there."""
    if project is None:
        raise ProjectUnusable(f"project {name} is not saved any more: see aios p")
    return _placed(ctx, project, wanted)


def is_here(ctx: Context, project: Project) -> bool:
    """Whether its path is on this machine."""
    return bool(project.path) and project.machine_id == ctx.machine


def directory_here(ctx: Context, project: Project) -> Path | None:
    """Its directory, or its clone, on this machine; None: neither is here."""
    if is_here(ctx, project):
        return Path(project.path)
    cloned = _clone(ctx, project.uuid)
    return cloned.root if has_clone(cloned) else None


def root_of(ctx: Context, job: Job) -> Path:
    """Where the job's repository is, or will be cloned to, on this machine."""
    if job.path:
        return Path(job.path)
    project = _project_of(ctx, job)
    return Path(project.path) if is_here(ctx, project) else _clone(ctx, project.uuid).root


def repository_of(ctx: Context, job: Job) -> Repository:
    """The job's repository on this machine; cloned where it is to be and is not."""
    cloned = _clone(ctx, job.project_id)
    if Path(job.path) != cloned.root:
        return find_repository(Path(job.path))
    project = _project_of(ctx, job)
    with repository_lock(ctx.settings.locks_dir, cloned):
        clone(
            cloned,
            project.url or "",
            timeout_s=parse_duration(ctx.catalog.get("clone_limit")),
            https_fallback=_falls_back(ctx, project),
        )
    return cloned


def worktree_of(ctx: Context, job: Job) -> Path:
    """Where the job's worktree is, or will be, on this machine."""
    folder = ctx.catalog.get("worktrees_dir") or ctx.settings.worktrees_dir
    name = job.name if job.attempt_no == 1 else f"{job.name}-a{job.attempt_no}"
    return Path(job.worktree) if job.worktree else Path(folder).expanduser() / name


def _placed(ctx: Context, project: Project, wanted: Machine | None) -> Project:
    if project.is_anywhere and project.url and (wanted is None or wanted.id != project.machine_id):
        return replace(project, machine_id=wanted.id if wanted else "", path="")
    if wanted is not None and wanted.id != project.machine_id:
        raise ProjectUnusable(
            f"{project.name} is not on {wanted.name}, and only its own machine works on it: "
            f"aios config {project.name}.anywhere on lets others clone its origin"
        )
    if is_here(ctx, project):
        check_project(Path(project.path))
    elif project.machine_id not in ctx.ledger.machines():
        raise ProjectUnusable(
            f"{project.name} is on a machine that is not of this cluster any more: aios remove {project.name}"
        )
    return project


def _project_of(ctx: Context, job: Job) -> Project:
    freshen_catalogue(ctx)
    project = next((one for one in ctx.catalog.projects() if one.uuid == job.project_id), None)
    if project is None:
        raise ProjectUnusable(f"project {job.project} is not saved any more: see aios p")
    return project


def _clone(ctx: Context, uuid: str) -> Repository:
    return clone_at(ctx.settings.clones_dir / f"{uuid}.git")


def _falls_back(ctx: Context, project: Project) -> bool:
    own = ctx.catalog.project_setting(project, "https_fallback")
    return (own or ctx.catalog.get("https_fallback")) == "on"
