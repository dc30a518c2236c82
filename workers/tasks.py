"""The tasks. Each takes ids, calls one service, and can be run twice without harm."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from celery import Celery
from celery.exceptions import Ignore

from aios_app.domain.errors import AiosError, QueueError
from aios_app.domain.models import JobState
from aios_app.queue.sending import (
    AGENT_END,
    AGENT_SPAWN,
    CATALOG_SYNC,
    JOB_CHECK,
    JOB_DROP,
    MERGE_PUSH,
    MESSAGE_VERSION,
    PROGRESS_PUSH,
    RECONCILE,
    UPDATE_CHECK,
    WAKE,
    WORKTREE_CREATE,
)
from aios_app.services.catalogue_sync import sync_catalogue
from aios_app.services.check_job import begin_check
from aios_app.services.config import note_machine
from aios_app.services.context import Context
from aios_app.services.create_worktree import create_worktree
from aios_app.services.end_job import end_job
from aios_app.services.end_landing import drop_rival
from aios_app.services.finish_job import finish_attempt
from aios_app.services.land_job import begin_landing
from aios_app.services.reconcile import reconcile
from aios_app.services.save_progress import save_progress
from aios_app.services.spawn_job import AttemptFailed, spawn_job
from aios_app.services.update_check import check_for_update
from workers.listeners import Listeners
from workers.long_tasks import Pools

logger = logging.getLogger(__name__)


def register(app: Celery, ctx: Context, listeners: Listeners, pools: Pools) -> None:
    """Gives the application its tasks, bound to this machine's context."""
    _register_short(app, ctx)
    _register_asked_elsewhere(app, ctx)
    _register_long(app, ctx, listeners, pools)


def _register_short(app: Celery, ctx: Context) -> None:
    @app.task(name=WORKTREE_CREATE, throws=(AiosError,))
    def worktree_create(*, v: int, attempt: str) -> None:
        with _failing(ctx, v, attempt):
            create_worktree(ctx, attempt)

    @app.task(name=AGENT_END, throws=(AiosError,))
    def agent_end(*, v: int, attempt: str, reason: str, all_processes: bool) -> None:
        with _noting_trouble(ctx):
            _check_version(v)
            end_job(ctx, attempt, reason, all_processes=all_processes)

    @app.task(name=RECONCILE, throws=(AiosError,))
    def reconcile_machine(*, v: int) -> None:
        with _noting_trouble(ctx):
            _check_version(v)
            reconcile(ctx)

    @app.task(name=CATALOG_SYNC, throws=(AiosError,))
    def catalog_sync(*, v: int) -> None:
        with _noting_trouble(ctx):
            _check_version(v)
            sync_catalogue(ctx)
            note_machine(ctx)  # it may have another limit now

    @app.task(name=UPDATE_CHECK, throws=(AiosError,))
    def update_check(*, v: int) -> dict[str, Any]:
        with _noting_trouble(ctx):
            _check_version(v)
            return check_for_update(ctx)

    @app.task(name=PROGRESS_PUSH, throws=(AiosError,))
    def progress_push(*, v: int, attempt: str) -> None:
        with _noting_trouble(ctx):
            _check_version(v)
            save_progress(ctx, attempt)

    @app.task(name=WAKE)
    def wake(*, v: int) -> None:
        _check_version(v)
        ctx.alarm.set()


def _register_asked_elsewhere(app: Celery, ctx: Context) -> None:
    @app.task(name=JOB_DROP, throws=(AiosError,))
    def job_drop(*, v: int, attempt: str) -> None:
        with _noting_trouble(ctx):
            _check_version(v)
            drop_rival(ctx, attempt)


def _register_long(app: Celery, ctx: Context, listeners: Listeners, pools: Pools) -> None:
    """Those that go on beside the queue: each comes again when that is over, and returns what came of it."""

    def park(task: Any) -> NoReturn:  # noqa: ANN401 - a bound task
        if listeners.are_there:
            task.send_event("task-running")
        raise Ignore

    @app.task(name=AGENT_SPAWN, bind=True, throws=(AiosError,))
    def agent_spawn(self: Any, *, v: int, attempt: str) -> dict[str, Any]:  # noqa: ANN401 - a bound task
        with _failing(ctx, v, attempt):
            result = spawn_job(ctx, attempt)
        return park(self) if result is None else result

    @app.task(name=JOB_CHECK, bind=True, throws=(AiosError,))
    def job_check(self: Any, *, v: int, attempt: str) -> dict[str, Any]:  # noqa: ANN401 - a bound task
        with _noting_trouble(ctx):
            _check_version(v)
            result = begin_check(ctx, attempt, pools.checks.start)
        return park(self) if result is None else result

    @app.task(name=MERGE_PUSH, bind=True, throws=(AiosError,))
    def merge_push(self: Any, *, v: int, landing: str, job: int) -> dict[str, Any]:  # noqa: ANN401 - a bound task
        with _noting_trouble(ctx):
            _check_version(v)
            result = begin_landing(ctx, job, landing, pools.landings.start)
        return park(self) if result is None else result


@contextmanager
def _failing(ctx: Context, version: int, attempt_id: str) -> Iterator[None]:
    """Whatever goes wrong is the cause of the attempt's failure, in the words of the error.

    While Redis is away nothing can be noted: the task comes again when it is back.
    """
    try:
        with _noting_trouble(ctx):
            _check_version(version)
            yield
    except (AttemptFailed, QueueError):
        raise
    except AiosError as error:
        _fail(ctx, attempt_id, str(error))
        raise
    except Exception:
        logger.exception("task failed", extra={"attempt": attempt_id})
        _fail(ctx, attempt_id, "internal error: see worker.log")
        raise


@contextmanager
def _noting_trouble(ctx: Context) -> Iterator[None]:
    try:
        yield
    except QueueError:
        ctx.note_trouble()
        raise


def _fail(ctx: Context, attempt_id: str, cause: str) -> None:
    attempt = ctx.ledger.attempt(attempt_id)
    if attempt is not None:
        finish_attempt(ctx, attempt, JobState.FAILED, " ".join(cause.split())[:500])


def _check_version(version: int) -> None:
    if version != MESSAGE_VERSION:
        raise AiosError(f"a task of message version {version} came to a worker of version {MESSAGE_VERSION}")
