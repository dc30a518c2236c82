"""Bring a commit onto the branch that it lands on: merge, check, push, and see it there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import AiosError, ConflictError, GitError
from aios_app.domain.landing import Landing
from aios_app.domain.models import Job
from aios_app.git.commits import keep_commit
from aios_app.git.fast_forward import fast_forward
from aios_app.git.filling import copy_included
from aios_app.git.location import Repository
from aios_app.git.pushing import PushRaced, PushUnknown, push
from aios_app.git.scratch import LOCAL_LIMIT_S, Scratch, scratch
from aios_app.git.targets import is_ancestor, remote_has
from aios_app.services.context import Context
from aios_app.services.landing_progress import Progress
from aios_app.services.landing_site import Site
from aios_app.services.records import job_dir
from aios_app.services.run_check import run_check
from aios_app.spool.person_command import end_command

#: So often, and for so many seconds, a landing begins again because the branch has moved meanwhile.
_TRIES = 5
_PATIENCE_S = 30.0
#: Lines of a red check's output that are shown at once.
_TAIL_LINES = 8
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to come onto the branch."""

    make: Callable[[Scratch, str], str]  #: of the scratch and the branch's commit the one that it becomes
    verb: str  #: what a person is told that was done, e.g. ``merged into``
    source_sha: str = ""  #: the job's commit


class CheckFailed(AiosError):
    """The check failed on the merged tree."""


def bring_onto(
    ctx: Context, job: Job, site: Site, progress: Progress, base: str, work: Work
) -> tuple[str, str]:
    """The commits that the branch was at before and is seen to be at now; equal where it had all already.

    Raises ``MergeConflict``, ``CheckFailed``, ``ConflictError`` or ``GitError``, and the branch is as it was;
    but where a push was cut off and the remote cannot be asked, which is said.
    """
    earlier, begun, tries, stuck = progress.landing, time.monotonic(), 0, 0
    while True:
        try:
            return base, _bring_once(ctx, job, site, progress, base, work)
        except PushRaced as error:
            raced = error
        progress.begin("fetch again", site.fetch_s)
        before, base = base, site.fetch()
        said = "did not take the push" if base == before else "has moved meanwhile"
        progress.done(f"note {site.target.name} {said}: again")
        if has_arrived(site.repo, earlier, work.source_sha, base):
            return earlier.base_sha, earlier.sha  # the push of a killed worker went on and came first
        tries, stuck = tries + 1, stuck + 1 if base == before else 0
        is_late = tries >= _TRIES and time.monotonic() - begun > _PATIENCE_S
        if is_late or stuck == _TRIES:
            said = f"{site.target.name} took none of {tries} pushes: land again when it is quieter"
            raise GitError(said, raced.stderr)


def has_arrived(repo: Repository, landing: Landing, source_sha: str, base: str) -> bool:
    """Whether what the landing made of this very work, and pushed without hearing of it, is in ``base``."""
    is_same = bool(landing.sha) and landing.source_sha == source_sha
    return is_same and is_ancestor(repo, landing.sha, base)


def _bring_once(ctx: Context, job: Job, site: Site, progress: Progress, base: str, work: Work) -> str:
    """The branch's commit from now on. Raises ``PushRaced`` too: it has moved meanwhile."""
    wait_s = LOCAL_LIMIT_S + site.check_s
    progress.begin("merge", wait_s)
    with scratch(site.repo, site.scratch, site.person, wait_s=wait_s) as held:
        if site.check_s:
            end_command(held.path)  # what the check of a killed worker's landing left would write there
        progress.begin("merge", LOCAL_LIMIT_S)
        sha = work.make(held, base)
        if sha == base:
            return base
        progress.done(f"ok {work.verb} {site.target.branch} {sha[:7]}")
        _check(ctx, job, site, progress, held)
        known = {"base_sha": base, "sha": sha, "source_sha": work.source_sha}
        progress.begin("push", site.push_s + site.fetch_s, **known)
        keep_commit(site.repo, "landing", job.name, sha)
        _publish(site, held, sha, base, job)
        return sha


def _check(ctx: Context, job: Job, site: Site, progress: Progress, held: Scratch) -> None:
    if not site.check_s:
        return
    progress.begin("check", site.check_s)
    copy_included(site.repo, held.path)
    log = job_dir(ctx.settings, job.number) / "landing.log"
    result = run_check(ctx, job, cwd=held.path, log=log, with_setup=True)
    if result is None:
        return
    if not result.is_passed:
        said = f"the check {result.words} on the merged tree, so nothing was pushed"
        raise CheckFailed(f"{said}: {log}{_tail(log)}")
    progress.done(f"ok check {result.duration_ms / 1000:.0f} s")


def _publish(site: Site, held: Scratch, sha: str, base: str, job: Job) -> None:
    """The branch is at ``sha`` when this returns. Raises ``PushRaced``: it has moved, so all begins again."""
    if not site.target.remote:
        _move_local(site, sha, base, job)
        return
    doubt: PushUnknown | None = None
    try:
        push(held, site.target, sha, base, site.person, timeout_s=site.push_s)
    except PushUnknown as error:
        doubt = error
    if _is_seen(site, sha, doubt):
        return
    name = site.target.name
    if doubt:
        raise GitError(f"{doubt}\n{name} does not have it so far: land again")
    raise GitError(f"{name} took the push, but does not have {sha[:7]}: look at it first")


def _is_seen(site: Site, sha: str, doubt: PushUnknown | None) -> bool:
    try:
        return _is_there(site, sha)
    except GitError as error:
        said = f"{doubt or 'pushed'}; {site.target.name} cannot be asked ({error})"
        raise GitError(
            f"{said}: whether {sha[:7]} is there is not known, so nothing was removed. Land again to find out"
        ) from error


def _is_there(site: Site, sha: str) -> bool:
    return remote_has(site.repo, site.target, sha, site.person, timeout_s=site.fetch_s)


def _move_local(site: Site, sha: str, base: str, job: Job) -> None:
    """Without a remote the branch itself moves, if git can take that upon the person's checkout."""
    said = f"your {site.target.branch} is not moved, as the setting fast_forward is off"
    if site.moves_checkout:
        said = fast_forward(site.repo, site.target, sha, allows_edits=True)
    if _is_there(site, sha):
        return
    if site.fetch() != base:
        raise PushRaced
    ref = keep_commit(site.repo, "landed", job.name, sha)
    raise ConflictError(f"{said}\nthe merged commit is kept: git merge {ref}")


def _tail(log: Path) -> str:
    try:
        text = log.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(f"\n  {line}" for line in text.splitlines()[-_TAIL_LINES:])
