"""The saved projects: list, add, remove, tag, renumber, and look for what could be added."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aios_app.domain.addresses import check_address, name_in
from aios_app.domain.errors import GitError, ProjectUnusable, UsageError
from aios_app.domain.machines import Machine
from aios_app.domain.models import Project
from aios_app.domain.placing import why_blocked
from aios_app.git import repository
from aios_app.git.cloning import default_branch
from aios_app.git.runner import first_words
from aios_app.queue.sending import MESSAGE_VERSION
from aios_app.services.catalogue_sync import freshen_catalogue, share_catalogue
from aios_app.services.context import Context
from aios_app.services.project_places import is_here

#: Seconds for a remote that is asked what it has.
_ASK_S = 15.0


def list_projects(ctx: Context) -> dict[str, Any]:
    """Every saved project with its branch, or the problem that keeps agents from working in it."""
    freshen_catalogue(ctx)
    projects = ctx.catalog.projects()
    elsewhere = any(project.path and not is_here(ctx, project) for project in projects)
    machines = {one.id: one for one in ctx.ledger.machines_known()} if elsewhere else {}
    return {"projects": [_shown(ctx, project, machines) for project in projects]}


def add_project(ctx: Context, *, path: str, cwd: str, is_anywhere: bool = False) -> dict[str, Any]:
    """Saves the repository that ``path`` is in, and says what a person should know about it.

    With ``is_anywhere`` other machines may clone its origin and work there too.
    """
    facts = repository.describe(directory_of(path, cwd))
    if is_anywhere:
        check_address(facts.url or "")
    project = ctx.catalog.add_project(facts.root, name=facts.name, url=facts.url)
    if is_anywhere:
        ctx.catalog.set_project_setting(project, "anywhere", "on")
    shown = {"base": facts.base, "push": facts.push, "setup_hint": facts.setup_hint, "url": facts.url}
    return {"project": _shared(ctx, project).to_json(), "facts": shown}


def add_url(ctx: Context, *, url: str, name: str = "") -> dict[str, Any]:
    """Saves a project that any machine may clone; says whether this one reaches it."""
    check_address(url)
    base, problem = "", ""
    try:
        branch = default_branch(url, cwd=ctx.settings.data_dir, timeout_s=_ASK_S)
        base = f"origin/{branch}" if branch else ""
    except GitError as error:
        problem = f"not to be reached from this machine: {first_words(error)}"
    project = _shared(ctx, ctx.catalog.add_url(url, name=name or name_in(url)))
    shown = {"base": base, "push": problem, "setup_hint": "", "url": url}
    return {"project": project.to_json(), "facts": shown}


def remove_project(ctx: Context, *, ref: str) -> dict[str, Any]:
    """Forgets the project; its repository and worktrees stay."""
    freshen_catalogue(ctx)
    removed = ctx.catalog.remove_project(ref)
    share_catalogue(ctx)
    return {"project": removed.to_json()}


def tag_project(ctx: Context, *, ref: str, add: Sequence[str], remove: Sequence[str]) -> dict[str, Any]:
    """Adds and takes away tags, by which ``--only`` and ``--except`` choose."""
    freshen_catalogue(ctx)
    tagged = ctx.catalog.tag(ref, add, remove)
    share_catalogue(ctx)
    return {"project": tagged.to_json()}


def renumber_projects(ctx: Context) -> dict[str, Any]:
    """Closes the gaps that removed projects left in the numbers."""
    freshen_catalogue(ctx)
    ctx.catalog.renumber()
    share_catalogue(ctx)
    return {"projects": [project.to_json() for project in ctx.catalog.projects()]}


def _shared(ctx: Context, project: Project) -> Project:
    """The project as the cluster has it: its number and name may have been given away meanwhile."""
    share_catalogue(ctx)
    return next(one for one in ctx.catalog.projects() if one.uuid == project.uuid)


def scan_directory(ctx: Context, *, path: str, cwd: str) -> dict[str, Any]:
    """The repositories below a directory, saved or not."""
    directory = directory_of(path, cwd)
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory")
    saved = {project.path for project in ctx.catalog.projects() if is_here(ctx, project)}
    found = [
        {"path": str(root), "name": root.name, "is_saved": str(root) in saved}
        for root in repository.scan(directory)
    ]
    return {"directory": str(directory), "repositories": found}


def directory_of(path: str, cwd: str) -> Path:
    """What ``path``, typed in ``cwd``, names; links stay as the person wrote them."""
    typed = Path(path).expanduser() if path.startswith("~/") else Path(path)
    return Path(os.path.abspath(Path(cwd) / typed))  # noqa: PTH100 - resolve() would follow links


def _shown(ctx: Context, project: Project, machines: Mapping[str, Machine]) -> dict[str, Any]:
    problem = branch = ""
    if not is_here(ctx, project):
        machine = machines.get(project.machine_id)
        return project.to_json() | {
            "problem": _why_away(project, machine),
            "branch": branch,
            "machine": machine.name if machine else "",
        }
    try:
        repository.check_project(Path(project.path))
        branch = _branch(Path(project.path))
    except ProjectUnusable as error:
        problem = str(error)
    return project.to_json() | {"problem": problem, "branch": branch, "machine": ""}


def _why_away(project: Project, machine: Machine | None) -> str:
    """Why no agent begins in a project that is on another machine."""
    if machine is None:
        return "its machine is not of this cluster any more" if project.path else ""
    why = why_blocked(machine, MESSAGE_VERSION)
    return f"on machine {machine.name}: {why}" if why else ""


def _branch(root: Path) -> str:
    """The branch that is checked out, "" for none; read from its file, for a list must be quick."""
    usual = root / ".git"
    git_dir = usual if usual.is_dir() else repository.find_repository(root).git_dir
    head = (git_dir / "HEAD").read_text("utf-8", "surrogateescape")
    return head.strip().removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""
