"""The saved projects: list, add, remove, tag, renumber, and look for what could be added."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aios_app.domain.errors import ProjectUnusable, UsageError
from aios_app.domain.models import Project
from aios_app.git import repository
from aios_app.services.context import Context


def list_projects(ctx: Context) -> dict[str, Any]:
    """Every saved project with its branch, or the problem that keeps agents from working in it."""
    return {"projects": [_shown(project) for project in ctx.catalog.projects()]}


def add_project(ctx: Context, *, path: str, cwd: str) -> dict[str, Any]:
    """Saves the repository that ``path`` is in, and says what a person should know about it."""
    facts = repository.describe(directory_of(path, cwd))
    project = ctx.catalog.add_project(facts.root, name=facts.name, url=facts.url)
    shown = {"base": facts.base, "push": facts.push, "setup_hint": facts.setup_hint, "url": facts.url}
    return {"project": project.to_json(), "facts": shown}


def remove_project(ctx: Context, *, ref: str) -> dict[str, Any]:
    """Forgets the project; its repository and worktrees stay."""
    return {"project": ctx.catalog.remove_project(ref).to_json()}


def tag_project(ctx: Context, *, ref: str, add: Sequence[str], remove: Sequence[str]) -> dict[str, Any]:
    """Adds and takes away tags, by which ``--only`` and ``--except`` choose."""
    return {"project": ctx.catalog.tag(ref, add, remove).to_json()}


def renumber_projects(ctx: Context) -> dict[str, Any]:
    """Closes the gaps that removed projects left in the numbers."""
    return {"projects": [project.to_json() for project in ctx.catalog.renumber()]}


def scan_directory(ctx: Context, *, path: str, cwd: str) -> dict[str, Any]:
    """The repositories below a directory, saved or not."""
    directory = directory_of(path, cwd)
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory")
    saved = {project.path for project in ctx.catalog.projects()}
    found = [
        {"path": str(root), "name": root.name, "is_saved": str(root) in saved}
        for root in repository.scan(directory)
    ]
    return {"directory": str(directory), "repositories": found}


def directory_of(path: str, cwd: str) -> Path:
    """What ``path``, typed in ``cwd``, names; links stay as the person wrote them."""
    return Path(os.path.abspath(Path(cwd) / path))  # noqa: PTH100 - resolve() would follow links


def _shown(project: Project) -> dict[str, Any]:
    problem = branch = ""
    try:
        repository.check_project(Path(project.path))
        branch = _branch(Path(project.path))
    except ProjectUnusable as error:
        problem = str(error)
    return project.to_json() | {"problem": problem, "branch": branch}


def _branch(root: Path) -> str:
    """The branch that is checked out, "" for none; read from its file, for a list must be quick."""
    usual = root / ".git"
    git_dir = usual if usual.is_dir() else repository.find_repository(root).git_dir
    head = (git_dir / "HEAD").read_text("utf-8", "surrogateescape")
    return head.strip().removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""
