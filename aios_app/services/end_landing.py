"""After a landing was seen on its branch: the person's checkout, and what is not needed any more."""

from __future__ import annotations

import contextlib
from pathlib import Path

from aios_app.domain.errors import AiosError, GitError, NotNow, QueueError
from aios_app.domain.landing import Landing
from aios_app.domain.models import LIVE_STATES, SETTLED_STATES, Job, JobState
from aios_app.git.commits import forget_commit, head_of
from aios_app.git.fast_forward import fast_forward
from aios_app.git.targets import is_ancestor
from aios_app.git.trash import KEPT_DAYS
from aios_app.services.check_job import end_check
from aios_app.services.close_agent import close_agent
from aios_app.services.context import Context
from aios_app.services.drop_jobs import drop_job
from aios_app.services.landing_progress import Progress
from aios_app.services.landing_site import Site
from aios_app.services.records import record
from aios_app.services.remove_work import remove_work

#: Seconds for the end of an agent, and for a worktree with many files.
_REMOVE_S = 600.0


def note_landed(ctx: Context, job: Job, site: Site, base: str, sha: str) -> None:
    """The job's work is on the branch, between these two commits; none: it came there by other means.

    What was to be known of its base is past then.
    """
    where = {"landed_ref": site.target.name, "landed_from": base, "landed_sha": sha, "undone_sha": ""}
    ctx.ledger.note(job.number, note="", **where)
    record(ctx, job.number)
    forget_commit(site.repo, "landing", job.name)


def move_checkout(site: Site, progress: Progress, sha: str) -> None:
    """Moves the person's own branch on where git accepts it, and says what came of that."""
    if site.moves_checkout and site.target.remote:
        said = fast_forward(site.repo, site.target, sha, allows_edits=False)
        if said:
            progress.done(said)


def remove_landed(ctx: Context, job: Job, site: Site, progress: Progress) -> None:
    """Removes worktree and branch, unless there is more in them than what landed; the job is landed then."""
    progress.begin("remove its worktree", _REMOVE_S)
    try:
        _remove(ctx, job, site, progress)
    except QueueError:
        raise
    except AiosError as error:
        progress.done(f"note its worktree stays: {error}")
        record(ctx, job.number)
        return
    unsettled = set(JobState) - SETTLED_STATES - LIVE_STATES
    if ctx.ledger.settle(job.number, unsettled, JobState.LANDED):
        progress.done(f"ok worktree removed ({KEPT_DAYS} days: aios trash)")
    record(ctx, job.number)


def drop_rivals(ctx: Context, progress: Progress) -> None:
    """The jobs that were not picked go to the trash; what cannot go is said and stays.

    Those of another machine it drops itself, as soon as it is there.
    """
    for rival in ctx.ledger.jobs(progress.landing.drops):
        if rival.state in SETTLED_STATES:
            continue
        if rival.machine not in {"", ctx.machine}:
            ctx.queue.send_drop(rival)
            progress.done(f"ok #{rival.number} is dropped by its machine")
            continue
        progress.begin(f"drop #{rival.number}", _REMOVE_S)
        try:
            drop_job(ctx, rival)
        except QueueError:
            raise
        except AiosError as error:
            progress.done(f"note #{rival.number} stays: {error}")
        else:
            progress.done(f"ok #{rival.number} dropped")


def drop_rival(ctx: Context, attempt_id: str) -> None:
    """Puts a job that was not picked into the trash; where it cannot go its note says why it stays."""
    attempt = ctx.ledger.attempt(attempt_id)
    job = ctx.ledger.job_of(attempt) if attempt else None
    if job is None or job.attempt != attempt_id or job.state in SETTLED_STATES or job.machine != ctx.machine:
        return
    try:
        drop_job(ctx, job)
    except QueueError:
        raise
    except AiosError as error:
        ctx.ledger.note(job.number, note=f"another was picked, this one stays: {error}")
        record(ctx, job.number)


def _remove(ctx: Context, job: Job, site: Site, progress: Progress) -> None:
    if job.branch == site.target.branch:
        raise NotNow(f"it is the branch {job.branch} itself that it landed on")
    close_agent(ctx, job)
    end_check(job)
    expected = _expected_head(job, site, progress.landing)
    for line in remove_work(ctx, job, landed_sha=expected).said:
        progress.done(f"note {line}")


def _expected_head(job: Job, site: Site, landing: Landing) -> str:
    """The landed branch itself may be checked out there, and has just been moved on."""
    with contextlib.suppress(GitError):  # a removal that was cut off leaves what git knows nothing of
        _, head = head_of(Path(job.worktree))
        if head != landing.source_sha and is_ancestor(site.repo, head, landing.sha):
            return head
    return landing.source_sha
