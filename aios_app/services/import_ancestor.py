"""Takes over what the single-file ancestor of this program had saved."""

from __future__ import annotations

from typing import Any

from aios_app.agents import FOUNDING_TEMPLATES
from aios_app.services.catalogue_sync import share_catalogue
from aios_app.services.context import Context
from aios_app.services.import_tasks import import_tasks
from aios_app.services.projects import directory_of
from aios_app.store import ancestor


def import_ancestor(ctx: Context, *, path: str, cwd: str) -> dict[str, Any]:
    """Adds what is not saved yet, and reports each line; the ancestor's own files stay as they are."""
    directory = directory_of(path, cwd)
    report = ancestor.import_ancestor(ctx.catalog, directory, founding_templates=FOUNDING_TEMPLATES)
    share_catalogue(ctx)
    tasks = import_tasks(directory, ctx.settings.config_dir / "tasks")
    lines = {"taken": report.taken, "kept": report.kept, "skipped": report.skipped}
    return {"report": {name: [*said, *tasks[name]] for name, said in lines.items()}}
