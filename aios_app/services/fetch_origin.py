"""Ask a project's origin what is new, in the way that its settings allow."""

from __future__ import annotations

from aios_app.domain.models import Project
from aios_app.domain.specs import parse_duration
from aios_app.git.base import fetch
from aios_app.git.repository import Repository
from aios_app.services.context import Context


def fetch_origin(ctx: Context, repository: Repository) -> str:
    """What a person must know of the fetch: why the base may be old, or that origin is another now.

    Call it with the repository's lock.
    """
    return fetch(
        repository,
        timeout_s=parse_duration(ctx.catalog.get("fetch_timeout")),
        https_fallback=_falls_back(ctx, repository) == "on",
    )


def _falls_back(ctx: Context, repository: Repository) -> str:
    here = (project for project in ctx.catalog.projects() if _is_of(ctx, project, repository))
    own = (ctx.catalog.project_setting(project, "https_fallback") for project in here)
    return next(filter(None, own), "") or ctx.catalog.get("https_fallback")


def _is_of(ctx: Context, project: Project, repository: Repository) -> bool:
    """Whether the repository is the project's own, or its clone on this machine."""
    clone = ctx.settings.clones_dir / f"{project.uuid}.git"
    return str(repository.root) in (project.path, str(clone), str(clone.resolve()))
