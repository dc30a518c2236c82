"""The candidates of one task, side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aios_app.domain.comparison import ranked
from aios_app.domain.errors import AiosError
from aios_app.domain.models import Job, JobState
from aios_app.git.forecasting import conflicts_of
from aios_app.git.repository import find_repository
from aios_app.git.targets import landing_target
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting

logger = logging.getLogger(__name__)

#: Worktrees looked at side by side; each takes some git processes.
_AT_ONCE = 4


def compare_jobs(ctx: Context, jobs: Sequence[Job]) -> dict[str, Any]:
    """The jobs by project, best first, each with the files in which it would conflict with its base."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        conflicts = dict(
            zip((job.number for job in jobs), pool.map(lambda job: _forecast(ctx, job), jobs), strict=True)
        )
    projects = dict.fromkeys((job.project_id, job.project) for job in jobs)
    groups = [
        {
            "project": name,
            "candidates": [
                {**job.to_json(), "conflicts": conflicts[job.number]}
                for job in ranked(one for one in jobs if one.project_id == project_id)
            ],
        }
        for project_id, name in projects
    ]
    return {"now_ms": ctx.ledger.now_ms(), "groups": groups, "problems": []}


def _forecast(ctx: Context, job: Job) -> list[str]:
    """None also where it cannot be told: the landing itself will."""
    worktree = Path(job.worktree)
    if job.state is not JobState.REVIEW or not job.files or job.is_in_place or not worktree.is_dir():
        return []
    try:
        repository = find_repository(Path(job.path))
        target = landing_target(repository, job.base_ref, project_setting(ctx, job, "base"))
        return conflicts_of(repository, worktree, target)
    except AiosError as error:
        logger.info("no forecast", extra={"job_id": job.number, "cause": str(error)})
        return []
