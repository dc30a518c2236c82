"""A ledger that was lost is written again, by each machine what it knows.

Who planned a run has its plan; what became of a job is recorded on the machine that has it. Until that one
has told, a job of another machine is ``lost``: it must not begin a second time.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from aios_app.domain.models import LIVE_STATES, Job, JobState, Run, Stage
from aios_app.services.catalogue_sync import is_shared
from aios_app.services.context import Context
from aios_app.services.line_up import restore_lines
from aios_app.services.records import read_job, read_runs
from aios_app.services.retry_jobs import renew_job
from aios_app.services.timers import LIMIT, set_idle_timer

logger = logging.getLogger(__name__)

#: The cause of what is lost until its machine has told what it knows.
UNTOLD = "the ledger was lost: no machine has told yet what became of it (aios retry begins it anew)"
#: So many numbers are left out then: another machine may have given them just before.
RUNS_LEFT_OUT, JOBS_LEFT_OUT = 100, 1000


def restore_ledger(ctx: Context) -> None:
    """Writes the runs that are recorded here into a ledger that has not met this machine; again: nothing."""
    count = 0
    shared = is_shared(ctx)
    for run, prompts in read_runs(ctx.settings):
        told = _as_told(ctx, run, is_shared=shared)
        ctx.ledger.create_run(told, prompts, stage=_open_stage(told))
        for job in told.jobs:
            if job.machine == ctx.machine:
                _set_timers(ctx, job)
        count += len(told.jobs)
    restore_lines(ctx)
    if count:
        logger.warning("ledger rebuilt", extra={"jobs": count})
    for machine in ctx.ledger.machines():
        if machine != ctx.machine:
            ctx.queue.send_reconcile(machine)  # some of these jobs are theirs


def tell_own_jobs(ctx: Context) -> None:
    """What became of this machine's jobs that others have restored; what it never began may begin."""
    for job in ctx.ledger.jobs_in([JobState.LOST]):
        if job.cause != UNTOLD or job.machine not in {ctx.machine, ""}:
            continue
        known = read_job(ctx.settings, job.number)
        if known is not None and known.machine == ctx.machine:
            ctx.ledger.adopt(known, UNTOLD)
            _set_timers(ctx, known)
        elif job.machine == ctx.machine:
            renew_job(ctx, job)


def _as_told(ctx: Context, run: Run, *, is_shared: bool) -> Run:
    def told(job: Job) -> Job:
        is_known = job.machine == ctx.machine or (job.machine == "" and not is_shared)
        if is_known or job.state not in (*LIVE_STATES, JobState.REVIEW):
            return job
        return replace(job, state=JobState.LOST, cause=UNTOLD, is_open=False)

    stages = tuple(replace(stage, jobs=tuple(map(told, stage.jobs))) for stage in run.stages)
    return replace(run, stages=stages)


def _set_timers(ctx: Context, job: Job) -> None:
    if job.is_open and job.started_ms and job.limit_s:
        ctx.ledger.set_timer(job.machine, LIMIT, job.attempt, job.started_ms + 1000 * job.limit_s)
    if job.is_open and job.state is JobState.REVIEW:
        set_idle_timer(ctx, job.attempt)


def _open_stage(run: Run) -> int:
    unfinished = [stage.index for stage in run.stages if _is_unfinished(stage)]
    return unfinished[0] if unfinished else max(0, len(run.stages) - 1)


def _is_unfinished(stage: Stage) -> bool:
    return any(not job.finished_ms for job in stage.jobs)
