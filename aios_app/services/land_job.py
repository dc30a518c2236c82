"""Land a job, or undo what it landed: the task ``merge_push`` of whoever stands first in line.

Each step can be done twice: after a crash the same landing begins again and finds what is done already. The
commit that is pushed is noted before the push, and nothing is removed before it was seen on the branch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from aios_app.domain.errors import AiosError, ConflictError, NotNow, ProjectUnusable, QueueError
from aios_app.domain.landing import Landing, Outcome, Strategy
from aios_app.domain.models import Job, JobState
from aios_app.git.landed import is_landed
from aios_app.git.merging import MergeConflict, merge, revert_range
from aios_app.git.targets import is_ancestor
from aios_app.services.check_job import give_up_check
from aios_app.services.context import Context
from aios_app.services.end_landing import drop_rivals, move_checkout, note_landed, remove_landed
from aios_app.services.landing_progress import Overtaken, Progress, is_clearing
from aios_app.services.landing_site import Site, site_of
from aios_app.services.landing_source import (
    Source,
    check_own,
    find_source,
    message_of,
    revert_message,
    undone_part,
    why_unchanged,
)
from aios_app.services.line_up import leave_line
from aios_app.services.merge_work import CheckFailed, Work, bring_onto, has_arrived
from aios_app.services.records import record
from aios_app.services.request_landing import already, check_landable
from aios_app.services.resolve_conflict import send_conflict
from aios_app.spool.person_command import CutOff

logger = logging.getLogger(__name__)

#: Seconds for a commit with the person's hooks.
_COMMIT_S = 600.0
_VERBS = {Strategy.MERGE: "merged into", Strategy.SQUASH: "squashed into", Strategy.REBASE: "rebased onto"}


class LandingFailed(AiosError):
    """The landing came to nothing."""


class Unchanged(AiosError):
    """There is no change to land."""


#: What an error means for the landing; the first that fits.
_OUTCOMES: tuple[tuple[type[AiosError], Outcome], ...] = (
    (MergeConflict, Outcome.CONFLICT),
    (CheckFailed, Outcome.RED),
    (Unchanged, Outcome.NOTHING),
    (ConflictError, Outcome.REFUSED),
    (ProjectUnusable, Outcome.REFUSED),
    (AiosError, Outcome.FAILED),
)


def begin_landing(
    ctx: Context, number: int, landing_id: str, start: Callable[[str, Callable[[], None]], object]
) -> dict[str, Any] | None:
    """Has ``start`` run the landing if it is its turn; once it is over, returns what came of it.

    None: it is at work, waits, or was replaced. Raises ``LandingFailed`` with why it did not land.
    """
    landing = ctx.ledger.lines.landing(number)
    if landing is None or landing.id != landing_id:
        return None
    if landing.outcome is None:
        if landing.place <= 1:
            start(landing_id, partial(land_job, ctx, landing))
        return None
    if landing.outcome not in {Outcome.LANDED, Outcome.NOTHING}:
        raise LandingFailed(f"{landing.outcome}: {landing.problem}")
    return {"job": number, "outcome": landing.outcome.value, "steps": list(landing.steps)}


def land_job(ctx: Context, landing: Landing) -> None:
    """Goes through all steps; the next in line begins as soon as this one's work is on the branch.

    Nothing is said of a landing that was passed over meanwhile. One that a stop of the worker or of Redis
    interrupts begins again with the next one.
    """
    try:
        _leave(ctx, _land(ctx, landing))
    except Overtaken:
        logger.warning("landing overtaken", extra={"job_id": landing.job})
    except CutOff:
        logger.info("landing interrupted", extra={"job_id": landing.job})
    except QueueError:
        ctx.note_trouble()
        raise


def _leave(ctx: Context, over: Landing) -> None:
    if not leave_line(ctx, over, _words(over)):
        raise Overtaken
    logger.info("landing over", extra={"job_id": over.job, "outcome": over.outcome})
    record(ctx, over.job)
    ctx.queue.send_landing(over, ctx.machine)


def _land(ctx: Context, landing: Landing) -> Landing:
    """The landing as it ended."""
    progress = Progress(ctx, landing)
    try:
        (_undo if landing.is_revert else _bring)(ctx, progress)
    except (Overtaken, CutOff, QueueError):
        raise
    except AiosError as error:
        return _not_landed(ctx, progress, error)
    except Exception as error:
        logger.exception("landing failed", extra={"job_id": landing.job})
        said = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else "internal error"
        return progress.landing.evolve(outcome=Outcome.FAILED, problem=f"{said}: see worker.log")
    return progress.landing.evolve(outcome=Outcome.LANDED)


def _not_landed(ctx: Context, progress: Progress, error: AiosError) -> Landing:
    outcome = next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
    over = progress.landing.evolve(outcome=outcome, problem=str(error))
    if not isinstance(error, MergeConflict):
        return over
    over = over.evolve(conflicts=error.files)
    if not over.resolves or over.is_revert:
        return over
    progress.begin("give the conflict to its agent", 120)
    return over.evolve(problem=f"{error}\n{send_conflict(ctx, over)}")


def _bring(ctx: Context, progress: Progress) -> None:
    landing, job = progress.landing, _job(ctx, progress.landing)
    if job.state is JobState.LANDED:  # all was done but to leave the line
        progress.done(f"ok {already(job)}")
        return
    site = site_of(ctx, job, landing)
    if not is_clearing(landing):
        check_landable(job)
        _reach(ctx, job, site, progress)
    if landing.is_kept:
        progress.done("ok its worktree stays (--keep)")
    else:
        remove_landed(ctx, job, site, progress)
    drop_rivals(ctx, progress)


def _reach(ctx: Context, job: Job, site: Site, progress: Progress) -> None:
    """Its work is on the branch when this returns."""
    progress.begin("commit", _COMMIT_S)
    if give_up_check(ctx, job):
        progress.done("note the check of its worktree was ended")
    source = find_source(job, site.repo, progress.landing, site.person)
    for line in source.said:
        progress.done(line)
    progress.begin("fetch", site.fetch_s)
    base = site.fetch()
    before, after = _publish(ctx, job, site, progress, source, base)
    move_checkout(site, progress, after)
    progress.pass_on(source_sha=source.sha, base_sha=before, sha=after)


def _publish(
    ctx: Context, job: Job, site: Site, progress: Progress, source: Source, base: str
) -> tuple[str, str]:
    """The branch's commits before and now; equal where it had all of the work already."""
    before, after = _arrived(site, progress.landing, source, base)
    if not after:
        if source.sha == job.base_sha:
            raise Unchanged(why_unchanged(job, site, base))
        before, after = _merged(ctx, job, site, progress, source, base)
    if before == after:
        progress.done(f"ok already on {site.target.name}")
        if not job.landed_ref:
            note_landed(ctx, job, site, "", "")
    else:
        where = f"{site.target.name} (verified)" if site.target.remote else f"your {site.target.name}"
        progress.done(f"ok on {where}")
        note_landed(ctx, job, site, before, after)
    return before, after


def _arrived(site: Site, landing: Landing, source: Source, base: str) -> tuple[str, str]:
    """What an earlier try of this very work pushed, if it is on the branch: nobody knew."""
    if has_arrived(site.repo, landing, source.sha or landing.source_sha, base):
        return landing.base_sha, landing.sha
    if not source.sha:
        raise NotNow(f"worktree and branch of #{landing.job} are gone: aios trash restore {landing.job}")
    return "", ""


def _merged(
    ctx: Context, job: Job, site: Site, progress: Progress, source: Source, base: str
) -> tuple[str, str]:
    undone = undone_part(job, site.repo, source.sha, base)
    if not undone and is_landed(site.repo, source.sha, base):
        return base, base
    for line in check_own(job, site, source.sha, base):
        progress.done(line)
    message = message_of(job, progress.landing)
    work = Work(
        make=lambda held, onto: merge(
            held, onto, source.sha, site.strategy, message, site.person, undone_sha=undone
        ),
        verb=_VERBS[site.strategy],
        source_sha=source.sha,
    )
    return bring_onto(ctx, job, site, progress, base, work)


def _undo(ctx: Context, progress: Progress) -> None:
    landing, job = progress.landing, _job(ctx, progress.landing)
    if not job.landed_from:
        raise NotNow(f"#{job.number} came onto {job.landed_ref} by other means: aios revert -n COUNT there")
    site = site_of(ctx, job, landing)
    progress.begin("fetch", site.fetch_s)
    base = site.fetch()
    span, message = (job.landed_from, job.landed_sha), revert_message(job)
    if landing.sha and is_ancestor(site.repo, landing.sha, base):
        after = landing.sha
    else:
        work = Work(
            make=lambda held, onto: revert_range(held, onto, *span, message, site.person), verb="undone on"
        )
        before, after = bring_onto(ctx, job, site, progress, base, work)
        if before == after:
            raise Unchanged(f"nothing of what #{job.number} landed is left on {site.target.name}")
    progress.done(f"ok on {site.target.name} (verified)")
    ctx.ledger.note(job.number, note=f"undone on {site.target.name}: {after[:7]}", undone_sha=after)
    move_checkout(site, progress, after)


def _job(ctx: Context, landing: Landing) -> Job:
    job = ctx.ledger.job(landing.job)
    if job is None:
        raise NotNow(f"there is no job {landing.job} any more")
    return job


def _words(landing: Landing) -> str:
    """What the job says of it from now on."""
    name = f"{landing.remote}/{landing.branch}" if landing.remote else landing.branch
    if landing.outcome is Outcome.LANDED:
        return f"{'undone' if landing.is_revert else 'landed'} on {name} {landing.sha[:7]}".rstrip()
    if landing.outcome is Outcome.CONFLICT:
        return f"conflict with {name}: {', '.join(file.path for file in landing.conflicts[:5])}"
    return landing.problem.partition("\n")[0]
