"""Make a person's checkout what origin has: ``aios pull``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_app.domain.errors import NotNow
from aios_app.domain.models import ACTIVE_STATES, Job
from aios_app.git.checkout import Checkout, find_checkout, require_finished
from aios_app.git.checkout_pull import Replacement, fetch_default, keep_checkout, losses, replace
from aios_app.git.trash import KEPT_DAYS, TrashEntry, expire, list_trash
from aios_app.git.worktrees import repository_lock
from aios_app.services.context import Context
from aios_app.services.person_for import person_for, push_limit_s
from aios_app.services.remove_work import max_bytes


def pull_checkout(
    ctx: Context, *, cwd: str, is_confirmed: bool, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Moves the branch that is checked out to origin's default branch, with all files.

    Names first what goes, and keeps it in the trash. Where origin cannot be fetched nothing is touched.
    """
    checkout = find_checkout(Path(cwd))
    require_finished(checkout)
    _require_no_agent(ctx, checkout)
    person = person_for(ctx, checkout.repo, environment)
    found = fetch_default(checkout, person, timeout_s=push_limit_s(ctx))
    if found.sha == checkout.head and checkout.is_clean:
        return {"steps": [f"nothing to pull: {checkout.name} is {_end(found)} already"], "sha": found.sha}
    if not is_confirmed:
        return {"question": _question(found), "names": losses(found)}
    steps = []
    kept = checkout.head
    if found.has_losses or not kept:
        entry = _keep(ctx, found)
        kept = entry.sha
        steps.append(f"ok kept for {KEPT_DAYS} days: aios trash restore {entry.name}")
    replace(found, kept, person)
    return {"steps": [*steps, f"ok {_branch(checkout)} is {_end(found)}"], "sha": found.sha}


def _require_no_agent(ctx: Context, checkout: Checkout) -> None:
    for job in ctx.ledger.jobs_in(ACTIVE_STATES):
        if job.machine == ctx.machine and _works_in(job, checkout.root):
            raise NotNow(
                f"#{job.number} works in {checkout.root}: aios wait {job.number} or aios stop it first"
            )


def _works_in(job: Job, root: Path) -> bool:
    place = Path(job.worktree)
    return bool(job.worktree) and (place == root or (job.is_in_place and place.is_relative_to(root)))


def _keep(ctx: Context, found: Replacement) -> TrashEntry:
    checkout = found.checkout
    projects = [project.name for project in ctx.catalog.projects() if project.path == str(checkout.repo.root)]
    entry = TrashEntry(
        name=checkout.name,
        path=str(checkout.root),
        removed_ms=ctx.ledger.now_ms(),
        project=projects[0] if projects else checkout.repo.root.name,
        title=f"aios pull on {_branch(checkout)}",
        commits=len(found.commits),
    )
    with repository_lock(ctx.settings.locks_dir, checkout.repo):
        expire(checkout.repo, list_trash(checkout.repo), entry.removed_ms)
        return keep_checkout(checkout, entry, max_bytes=max_bytes(ctx))


def _question(found: Replacement) -> str:
    going = " What is named above goes to the trash." if found.has_losses else ""
    return f"Make {_branch(found.checkout)} of {found.checkout.name} {_end(found)}?{going}"


def _branch(checkout: Checkout) -> str:
    return checkout.branch or "the detached HEAD"


def _end(found: Replacement) -> str:
    return f"{found.name} {found.sha[:7]}"
