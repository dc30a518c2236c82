"""Whose git a request uses, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping

from aios_app.domain.specs import parse_duration
from aios_app.git.person import Person
from aios_app.git.repository import Repository
from aios_app.services.context import Context


def person_for(ctx: Context, repository: Repository, environment: Mapping[str, str]) -> Person:
    """With the hooks of the repository, unless it is a saved project that has them off."""
    saved = [
        project
        for project in ctx.catalog.projects()
        if project.path == str(repository.root) and project.machine_id == ctx.machine
    ]
    has_hooks = all(ctx.catalog.project_setting(project, "hooks") == "on" for project in saved)
    return Person(environment=environment, has_hooks=has_hooks)


def push_limit_s(ctx: Context) -> float:
    """Seconds for a push, by the person's setting."""
    return parse_duration(ctx.catalog.get("push_timeout"))
