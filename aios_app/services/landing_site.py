"""Where a landing happens: its repository, its branch, the person's git and the limits of each step."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.landing import Landing, Strategy
from aios_app.domain.models import Job
from aios_app.domain.specs import parse_duration
from aios_app.git.person import Person
from aios_app.git.repository import Repository, find_repository
from aios_app.git.targets import Target, fetch_target
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting

_OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What does not change while a landing is at work."""

    repo: Repository
    target: Target
    person: Person
    strategy: Strategy
    scratch: Path
    fetch_s: float
    push_s: float
    check_s: float  #: with the setup before it; 0: the project has no check
    moves_checkout: bool  #: the person's own branch may be fast-forwarded
    https_fallback: bool  #: the remote may be asked by HTTPS where SSH fails

    def fetch(self) -> str:
        """The commit that the target is at by now; raises ``GitError`` where the remote cannot be asked."""
        return fetch_target(
            self.repo,
            self.target,
            self.person,
            timeout_s=self.fetch_s,
            https_fallback=self.https_fallback,
        )


def site_of(ctx: Context, job: Job, landing: Landing) -> Site:
    """As the settings are now; raises ``ProjectUnusable`` where the repository is gone."""
    repo = find_repository(Path(job.path))
    has_hooks = project_setting(ctx, job, "hooks") != _OFF
    return Site(
        repo=repo,
        target=Target(branch=landing.branch, remote=landing.remote),
        person=Person(environment=dict(landing.environment), has_hooks=has_hooks),
        strategy=Strategy(_own_or_general(ctx, job, "strategy")),
        scratch=_scratch_place(ctx, repo),
        fetch_s=_seconds(ctx, "fetch_timeout"),
        push_s=_seconds(ctx, "push_timeout"),
        check_s=_check_s(ctx, job),
        moves_checkout=_own_or_general(ctx, job, "fast_forward") != _OFF,
        https_fallback=_own_or_general(ctx, job, "https_fallback") != _OFF,
    )


def _scratch_place(ctx: Context, repo: Repository) -> Path:
    digest = hashlib.sha256(os.fsencode(repo.git_dir)).hexdigest()[:16]
    return ctx.settings.data_dir / "landing" / digest


def _check_s(ctx: Context, job: Job) -> float:
    if not project_setting(ctx, job, "check"):
        return 0
    setup_s = _seconds(ctx, "setup_limit") if project_setting(ctx, job, "setup") else 0
    return setup_s + _seconds(ctx, "check_limit")


def _own_or_general(ctx: Context, job: Job, key: str) -> str:
    return project_setting(ctx, job, key) or ctx.catalog.get(key)


def _seconds(ctx: Context, key: str) -> float:
    return float(parse_duration(ctx.catalog.get(key)))
