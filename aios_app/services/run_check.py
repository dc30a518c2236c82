"""Run the check command of a job's project: in its worktree, or in the scratch worktree of its landing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.models import Job
from aios_app.domain.specs import parse_duration
from aios_app.services.context import Context
from aios_app.services.create_worktree import project_setting
from aios_app.spool.bounded_log import BoundedLog
from aios_app.spool.person_command import Ended, run_command


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What came of a check."""

    is_passed: bool
    words: str  #: why not: ``exited 1``, ``took longer than 15m``, ``setup exited 2``
    duration_ms: int  #: of the check alone


def run_check(
    ctx: Context, job: Job, *, cwd: Path, log: Path, with_setup: bool = False
) -> CheckResult | None:
    """Runs it in ``cwd`` and returns what came of it; None where the job's project has no check.

    ``log`` gets the output, of a long one the end. ``with_setup`` runs the project's setup before, as a fresh
    worktree needs it. A check that is at work in ``cwd`` is ended first, and ``end_command(cwd)`` ends this
    one. Raises ``ExternalError`` where the check cannot be started, or was ended from outside (``CutOff``).
    """
    check = project_setting(ctx, job, "check")
    if not check:
        return None
    setup = project_setting(ctx, job, "setup") if with_setup else ""
    with BoundedLog(log) as output:
        if setup:
            _, words = _run(ctx, job, setup, "setup_limit", cwd, output)
            if words:
                return _failed(output, f"setup {words}", 0)
        ended, words = _run(ctx, job, check, "check_limit", cwd, output)
        if words:
            return _failed(output, words, ended.duration_ms)
    return CheckResult(is_passed=True, words="", duration_ms=ended.duration_ms)


def _failed(output: BoundedLog, words: str, duration_ms: int) -> CheckResult:
    output.write(f"\naios: {words}\n".encode())
    return CheckResult(is_passed=False, words=words, duration_ms=duration_ms)


def _run(
    ctx: Context, job: Job, command: str, limit: str, cwd: Path, output: BoundedLog
) -> tuple[Ended, str]:
    """How it ended, and the same in words where that is no success."""
    longest = ctx.catalog.get(limit)
    ended = run_command(
        command,
        shell=ctx.settings.shell,
        cwd=cwd,
        variables={"AIOS_JOB": str(job.number), "AIOS_PORT": str(job.port)},
        limit_s=parse_duration(longest),
        log=output,
    )
    if ended.is_late:
        return ended, f"took longer than {longest}"
    return ended, f"exited {ended.status}" if ended.status else ""
