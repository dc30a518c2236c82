"""Push a job's branch and open a pull request for it: ``aios pr``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_app.domain.errors import ConflictError, NotNow
from aios_app.domain.landing import landing_message
from aios_app.domain.models import LIVE_STATES, SETTLED_STATES, Job
from aios_app.git.base import default_base
from aios_app.git.commits import head_of
from aios_app.git.committing import commit_all
from aios_app.git.entries import branch_sha
from aios_app.git.location import Repository
from aios_app.git.person import Person
from aios_app.git.pull_request import Hosting, Request, open_by_gh, push_branch
from aios_app.git.repository import find_repository
from aios_app.git.targets import Target, fetch_target, is_ancestor, landing_target, push_address
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.services.person_for import person_for, push_limit_s
from aios_app.services.records import record
from aios_app.services.remove_work import check_own

#: What hostings take of a title.
_TITLE_CHARS = 200


def open_pull_request(ctx: Context, job: Job, *, environment: Mapping[str, str]) -> dict[str, Any]:
    """Commits what is uncommitted, pushes the branch by its own name, opens the request where ``gh`` can."""
    _check(ctx, job)
    repo = find_repository(Path(job.path))
    target = landing_target(repo, job.base_ref, project_setting(ctx, job, "base"))
    if not target.remote:
        raise ConflictError(f"{job.project} has no remote origin: aios setup URL adds one")
    person, limit_s = person_for(ctx, repo, environment), push_limit_s(ctx)
    branch, sha = _commit(job, repo, person)
    if is_ancestor(repo, sha, fetch_target(repo, target, person, timeout_s=limit_s)):
        raise NotNow(f"#{job.number} has nothing that {target.name} has not: no pull request was opened")
    head = _own_name(job, repo, target, branch)
    hint = push_branch(repo, sha, head, person, timeout_s=limit_s)
    request = Request(head=head, base=target.branch, title=_title(job), body=job.message)
    url, why_not = "", ""
    if hosting := Hosting.of(push_address(repo)):
        url, why_not = open_by_gh(hosting, request, cwd=repo.root, environment=environment)
    if url:
        ctx.ledger.note(job.number, pull_request=url)
    return {
        "job": record(ctx, job.number).to_json(),
        "url": url or (hosting.address_for(request) if hosting else "") or hint,
        "is_open": bool(url),
        "message": f"{head} is on origin" + (f"; {why_not}" if why_not else ""),
    }


def _check(ctx: Context, job: Job) -> None:
    number = job.number
    if job.is_in_place:
        raise NotNow(f"#{number} works in your own checkout: aios push there")
    if job.state in LIVE_STATES:
        raise NotNow(f"#{number} is {job.state}: aios wait {number} or aios stop {number} first")
    if job.state in SETTLED_STATES:
        raise NotNow(f"#{number} is {job.state} already")
    landing = ctx.ledger.lines.landing(number)
    if landing is not None and landing.outcome is None:
        raise NotNow(f"#{number} {job.landing}: wait for what comes of it")


def _commit(job: Job, repo: Repository, person: Person) -> tuple[str, str]:
    """Branch and commit of the work; of a worktree that was removed by hand its branch."""
    worktree = Path(job.worktree)
    if worktree.is_dir():
        check_own(job)
        message = landing_message(job.title, job.message, job=job.number, agent=job.agent)
        commit_all(worktree, message, person)
        return head_of(worktree)
    if sha := branch_sha(repo, job.branch):
        return job.branch, sha
    raise NotNow(f"worktree and branch of #{job.number} are gone: aios trash restore {job.number}")


def _own_name(job: Job, repo: Repository, target: Target, branch: str) -> str:
    """The branch on origin: never one that others build on, whatever the agent has checked out."""
    shared = {"", target.branch, default_base(repo)[0].removeprefix("origin/")}
    return job.branch if branch in shared else branch


def _title(job: Job) -> str:
    return " ".join(job.title.split())[:_TITLE_CHARS] or f"Work of {job.agent}"
