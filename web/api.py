"""The requests of the API in the order of ``docs/api.md``: what each may hold, and who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aios_app.domain.errors import UsageError
from aios_app.domain.models import Job
from aios_app.services import (
    agents,
    config,
    job_log,
    machines,
    projects,
    sessions,
    stats,
    status,
    steps,
    worktrees,
)
from aios_app.services.admit_machine import admit_machine, make_token
from aios_app.services.answer_job import answer_job
from aios_app.services.attach_job import attach_job
from aios_app.services.claim import dispatch
from aios_app.services.clean_up import clean_up
from aios_app.services.compare_jobs import compare_jobs
from aios_app.services.context import Context
from aios_app.services.diff_jobs import diff_jobs, show_patch
from aios_app.services.drop_jobs import drop_jobs
from aios_app.services.find_jobs import find_jobs, find_one, list_jobs, list_most, list_runs
from aios_app.services.import_ancestor import import_ancestor
from aios_app.services.job_events import show_events
from aios_app.services.open_pull_request import open_pull_request
from aios_app.services.open_session import OpenRequest, open_session
from aios_app.services.pull_checkout import pull_checkout
from aios_app.services.push_checkout import push_checkout
from aios_app.services.request_landing import LandingRequest, request_landings, request_pick, show_landing
from aios_app.services.resume_jobs import lost_jobs, resume_jobs
from aios_app.services.retry_jobs import retry_jobs
from aios_app.services.revert_checkout import revert_checkout
from aios_app.services.review_jobs import put_off
from aios_app.services.send_text import Message, send_text
from aios_app.services.setup_checkout import setup_checkout
from aios_app.services.start_run import RunRequest, start_run
from aios_app.services.stop_jobs import stop_jobs
from aios_app.services.trash import restore_trash, show_trash
from aios_app.services.view_job import show_history, show_screens
from web import merging, placing
from web.handlers import Endpoint
from web.placing import At, First
from web.schema import (
    DIGITS,
    DIRECTORY,
    ENVIRONMENT,
    FLAG,
    MACHINE_ID,
    OTHER_WORK,
    SOME_TEXTS,
    STEPS,
    TEXT,
    TEXTS,
    WHOLE,
    choice,
)

_NO = FLAG.optional(default=False)
_EMPTY = TEXT.optional("")
_NONE = TEXTS.optional(())
_PLACE = {"path": TEXT, "cwd": DIRECTORY}
_JOBS = {"refs": SOME_TEXTS, "cwd": DIRECTORY}
_CHECKOUT = {"cwd": DIRECTORY, "is_confirmed": _NO, "environment": ENVIRONMENT.optional({})}
_LANDING = _CHECKOUT | {"message": _EMPTY, "asked_at": _EMPTY}

EVENTS_QUERY = {"after": _EMPTY}

#: Seconds for the removal of large worktrees: the command line waits as long.
_PATIENCE_S = 3600.0

_AT_OWNER = At(divide=placing.at_owner, merge=merging.only)
_AT_JOB = At(divide=placing.job_named, merge=merging.only)
_AT_LANDED = At(divide=placing.job_landed, merge=merging.only)
_AT_NUMBER = At(divide=placing.job_numbered, merge=merging.only)
_AT_DRAWN = At(
    divide=placing.jobs_named, merge=merging.lists("screens", failed=merging.as_nothing), limit_s=10.0
)
_AT_EACH_TYPED = At(divide=placing.jobs_named, merge=merging.lists("results", failed=merging.as_deliveries))
_AT_EACH_COMPARED = At(divide=placing.jobs_named, merge=merging.compared)
_AT_EACH_LANDED = At(
    divide=placing.jobs_landed, merge=merging.lists("landings", "problems", failed=merging.as_problems)
)
_AT_EACH_DROPPED = At(
    divide=placing.work_dropped,
    merge=merging.lists("results", failed=merging.as_removals),
    limit_s=_PATIENCE_S,
)
_AT_ALL_CLEANED = At(
    divide=placing.every_machine,
    merge=merging.lists("results", "kept", "problems", failed=merging.as_line),
    limit_s=_PATIENCE_S,
)
_AT_ALL_SESSIONS = At(
    divide=placing.every_machine, merge=merging.listed("sessions", merging.far_session), limit_s=10.0
)
_AT_ALL_WORKTREES = At(
    divide=placing.every_machine, merge=merging.listed("worktrees", merging.as_it_is), limit_s=30.0
)
_AT_ALL_TRASH = At(
    divide=placing.every_trash, merge=merging.listed("entries", merging.as_it_is), limit_s=30.0
)


def _add_project(
    ctx: Context, *, path: str, cwd: str, url: str, name: str, machine: str, is_anywhere: bool
) -> dict[str, Any]:
    """Saves a repository of this machine, of another one, or an address that any may clone."""
    if bool(path) == bool(url):
        raise UsageError("add what? A path, or the address of a repository")
    if url and (machine or is_anywhere):
        raise UsageError("any machine may clone an address: leave the machine out")
    if url:
        return projects.add_url(ctx, url=url, name=name)
    return projects.add_project(ctx, path=path, cwd=cwd, is_anywhere=is_anywhere)


def _start(ctx: Context, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """Plans a run and starts it, or says what it would do, or asks first."""
    return start_run(ctx, RunRequest(**fields)) | {"machines": machines.brief_machines(ctx)}


def _run_status(answer: dict[str, Any]) -> int:
    return 201 if answer.get("run", {}).get("number") else 200


def _runs(ctx: Context) -> dict[str, Any]:
    """All runs, newest first, with how many of their jobs are in each state."""
    return {"runs": list_runs(ctx)}


def _list(ctx: Context, *, scope: str, run: int | None, most: int | None) -> dict[str, Any]:
    """The jobs of a scope or a run, what needs a person first; of a scope no more than ``most``."""
    if most is None or run is not None:
        return _answer(ctx, list_jobs(ctx, scope, run)) | {"left_out": {}}
    jobs, left_out = list_most(ctx, scope, most)
    return _answer(ctx, jobs) | {"left_out": left_out}


def _find(ctx: Context, *, refs: Sequence[str], cwd: str) -> dict[str, Any]:
    """The jobs that a person's words mean."""
    return _answer(ctx, find_jobs(ctx, refs, cwd))


def _answer(ctx: Context, jobs: Sequence[Job]) -> dict[str, Any]:
    shown = [job.to_json() for job in jobs]
    return {"now_ms": ctx.ledger.now_ms(), "jobs": shown, "machines": machines.brief_machines(ctx)}


def _stop(ctx: Context, *, refs: Sequence[str], cwd: str, all_processes: bool) -> dict[str, Any]:
    """Stops jobs: what has not begun never begins, what runs is ended."""
    jobs = find_jobs(ctx, refs, cwd)
    return {"results": stop_jobs(ctx, jobs, all_processes=all_processes)}


def _retry(ctx: Context, *, refs: Sequence[str], cwd: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """A new attempt of each job that failed, was stopped or is lost."""
    return retry_jobs(ctx, find_jobs(ctx, refs, cwd), **fields)


def _open(ctx: Context, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """Finds or makes an agent's session for a directory, and gives it what it is to do."""
    return open_session(ctx, OpenRequest(**fields))


def _send(
    ctx: Context, *, refs: Sequence[str], cwd: str, text: str, is_submitted: bool, keys: Sequence[str]
) -> dict[str, Any]:
    """Types into agents, and says what proved that they took it."""
    message = Message(text=text, is_submitted=is_submitted, keys=tuple(keys))
    return {"results": [one.to_json() for one in send_text(ctx, find_jobs(ctx, refs, cwd), message)]}


def _answer_question(ctx: Context, *, ref: str, cwd: str) -> dict[str, Any]:
    """Answers the question that a job asks, by the setting answers."""
    return answer_job(ctx, find_one(ctx, ref, cwd))


def _resume(ctx: Context, *, refs: Sequence[str], cwd: str, is_all: bool, is_dry_run: bool) -> dict[str, Any]:
    """Starts ended agents again, each with its conversation."""
    if is_all == bool(refs):
        raise UsageError("resume which? Name jobs, or --all")
    jobs = lost_jobs(ctx) if is_all else find_jobs(ctx, refs, cwd)
    return resume_jobs(ctx, jobs, is_dry_run=is_dry_run)


def _attach(ctx: Context, *, ref: str, cwd: str, tmux: str, read_only: bool) -> dict[str, Any]:
    """The program that makes a terminal that of the job."""
    return attach_job(ctx, find_one(ctx, ref, cwd), tmux=tmux, read_only=read_only)


def _compare(ctx: Context, *, refs: Sequence[str], cwd: str) -> dict[str, Any]:
    """The candidates of one task side by side, best first."""
    return compare_jobs(ctx, find_jobs(ctx, refs, cwd))


def _seen(ctx: Context, *, refs: Sequence[str], cwd: str) -> dict[str, Any]:
    """Puts jobs off: they come last in the next review."""
    return {"jobs": [job.to_json() for job in put_off(ctx, find_jobs(ctx, refs, cwd))]}


def _land(ctx: Context, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """Puts jobs in line to land, or asks first."""
    return request_landings(ctx, LandingRequest(**fields))


def _pick(ctx: Context, *, ref: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """Lands one candidate; its rivals go to the trash once it has landed."""
    return request_pick(ctx, find_one(ctx, ref, fields["cwd"]), LandingRequest(refs=(ref,), **fields))


def _undo(ctx: Context, *, ref: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - checked by the endpoint's fields
    """Undoes by new commits what a job has landed."""
    return request_landings(ctx, LandingRequest(refs=(ref,), is_revert=True, **fields))


def _pull_request(ctx: Context, *, ref: str, cwd: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Pushes a job's branch and opens a pull request for it."""
    return open_pull_request(ctx, find_one(ctx, ref, cwd), environment=environment)


_PATCH = Endpoint(service=show_patch, at=_AT_NUMBER, path={"number": DIGITS})


def _other_work(ctx: Context, given: dict[str, Any]) -> First | None:
    """Of a difference between jobs of two machines the second one's work, which goes to the first's."""
    pair = placing.of_two_machines(ctx, given)
    if pair is None:
        return None
    return First(
        line="GET /jobs/{number}/patch",
        endpoint=_PATCH,
        given={"number": pair[1].number},
        name="other",
        rest=given | placing.refs_to(pair[:1]),
    )


ENDPOINTS = {
    "GET /status": Endpoint(service=status.show_status),
    "GET /projects": Endpoint(service=projects.list_projects),
    "POST /projects": Endpoint(
        service=_add_project,
        at=At(divide=placing.project_added, merge=merging.only),
        body={
            "path": _EMPTY,
            "cwd": DIRECTORY,
            "url": _EMPTY,
            "name": _EMPTY,
            "machine": _EMPTY,
            "is_anywhere": _NO,
        },
    ),
    "DELETE /projects/{ref}": Endpoint(service=projects.remove_project, path={"ref": TEXT}),
    "PUT /projects/{ref}/tags": Endpoint(
        service=projects.tag_project, path={"ref": TEXT}, body={"add": _NONE, "remove": _NONE}
    ),
    "POST /projects/renumber": Endpoint(service=projects.renumber_projects),
    "POST /scan": Endpoint(service=projects.scan_directory, body=_PLACE),
    "GET /agents": Endpoint(service=agents.list_agents),
    "PUT /agents/{key}": Endpoint(
        service=agents.put_agent,
        path={"key": TEXT},
        body={
            "name": TEXT,
            "argv": SOME_TEXTS,
            "finishes": TEXT.optional(None),
            "idle_after_s": WHOLE.optional(None),
            "weight": WHOLE.optional(None),
            "kind": TEXT.optional(None),
        },
    ),
    "DELETE /agents/{key}": Endpoint(service=agents.remove_agent, path={"key": TEXT}),
    "GET /config": Endpoint(service=config.list_settings),
    "GET /config/{key}": Endpoint(service=config.get_setting, path={"key": TEXT}),
    "PUT /config/{key}": Endpoint(
        service=config.set_setting,
        path={"key": TEXT},
        body={"value": TEXT.or_null()},
        afterwards=dispatch,  # more agents at once than before may begin
    ),
    "POST /import": Endpoint(service=import_ancestor, body=_PLACE),
    "POST /runs": Endpoint(
        service=_start,
        body={
            "source": choice("all", "multi"),
            "words": TEXTS,
            "cwd": DIRECTORY,
            "prompt": TEXT.or_null().optional(None),
            "only": _NONE,
            "exclude": _NONE,
            "is_sequential": _NO,
            "fail_fast": _NO,
            "skip_waiting": _EMPTY,
            "limit": _EMPTY,
            "base": _EMPTY,
            "name": _EMPTY,
            "extra_args": _NONE,
            "is_dry_run": _NO,
            "is_confirmed": FLAG.optional(default=True),
            "machine": _EMPTY,
        },
        status=_run_status,
        afterwards=dispatch,
    ),
    "GET /machines": Endpoint(service=machines.list_machines),
    "POST /machines/drain": Endpoint(service=machines.drain_machine, body={"name": TEXT}),
    "POST /machines/resume": Endpoint(service=machines.resume_machine, body={"name": TEXT}),
    "POST /machines/remove": Endpoint(
        service=machines.remove_machine, at=_AT_OWNER, body={"name": TEXT, "is_confirmed": _NO}
    ),
    "POST /machines/token": Endpoint(service=make_token, at=_AT_OWNER, body={"lasts": TEXT.optional("1h")}),
    "GET /runs": Endpoint(service=_runs),
    "GET /steps": Endpoint(service=steps.list_steps),
    "POST /steps": Endpoint(
        service=steps.add_step, body={"name": TEXT, "description": TEXT, "command": TEXT, "cwd": DIRECTORY}
    ),
    "POST /steps/clear": Endpoint(service=steps.clear_steps, body={"name": TEXT}),
    "POST /steps/run": Endpoint(
        service=steps.run_steps,
        body={
            "name": TEXT,
            "cwd": DIRECTORY,
            "steps": STEPS.or_null().optional(None),
            "repo": _EMPTY,
            "branch": _EMPTY,
            "is_dry_run": _NO,
        },
        status=_run_status,
        afterwards=dispatch,
    ),
    "GET /jobs": Endpoint(
        service=_list,
        query={
            "scope": choice("default", "running", "all").optional("default"),
            "run": DIGITS.optional(None),
            "most": DIGITS.optional(None),
        },
    ),
    "POST /jobs/find": Endpoint(service=_find, body=_JOBS),
    "POST /jobs/stop": Endpoint(service=_stop, body=_JOBS | {"all_processes": _NO}),
    "POST /jobs/retry": Endpoint(
        service=_retry,
        body=_JOBS | {"agent": _EMPTY, "is_fresh": _NO, "machine": _EMPTY},
        afterwards=dispatch,
    ),
    "POST /jobs/open": Endpoint(
        service=_open,
        at=At(divide=placing.project_opened, merge=merging.only),
        body={
            "agent": TEXT,
            "words": TEXTS,
            "cwd": DIRECTORY,
            "prompt": TEXT.or_null().optional(None),
            "base": _EMPTY,
            "name": _EMPTY,
            "limit": _EMPTY,
            "extra_args": _NONE,
            "machine": _EMPTY,
            "has_shell": _NO,
            "is_dry_run": _NO,
        },
    ),
    "POST /jobs/send": Endpoint(
        service=_send,
        at=_AT_EACH_TYPED,
        body=_JOBS | {"text": _EMPTY, "is_submitted": FLAG.optional(default=True), "keys": _NONE},
    ),
    "POST /jobs/answer": Endpoint(service=_answer_question, at=_AT_JOB, body={"ref": TEXT, "cwd": DIRECTORY}),
    "POST /jobs/resume": Endpoint(
        service=_resume,
        body={"refs": _NONE, "cwd": DIRECTORY, "is_all": _NO, "is_dry_run": _NO},
        afterwards=dispatch,
    ),
    "POST /jobs/attach": Endpoint(
        service=_attach,
        at=At(divide=placing.job_attached, merge=merging.attached),
        body={"ref": TEXT, "cwd": DIRECTORY, "tmux": _EMPTY, "read_only": _NO},
    ),
    "POST /jobs/compare": Endpoint(service=_compare, at=_AT_EACH_COMPARED, body=_JOBS),
    "POST /jobs/seen": Endpoint(service=_seen, body=_JOBS),
    "GET /jobs/{number}/log": Endpoint(
        service=job_log.show_log,
        at=_AT_NUMBER,
        path={"number": DIGITS},
        query={"of": choice(job_log.AGENT, job_log.CHECK).optional(job_log.AGENT)},
    ),
    "GET /jobs/{number}/history": Endpoint(
        service=show_history, at=_AT_NUMBER, path={"number": DIGITS}, query={"lines": DIGITS.optional(2000)}
    ),
    "GET /jobs/{number}/events": Endpoint(service=show_events, path={"number": DIGITS}),
    "POST /jobs/screens": Endpoint(service=show_screens, at=_AT_DRAWN, body=_JOBS),
    "POST /jobs/land": Endpoint(
        service=_land,
        at=_AT_EACH_LANDED,
        body=_LANDING
        | {"refs": SOME_TEXTS, "is_kept": _NO, "resolves": _NO, "only_passed": _NO, "is_part": _NO},
    ),
    "POST /jobs/pick": Endpoint(service=_pick, at=_AT_LANDED, body=_LANDING | {"ref": TEXT}),
    "POST /jobs/revert": Endpoint(
        service=_undo, at=_AT_LANDED, body=_CHECKOUT | {"ref": TEXT, "asked_at": _EMPTY}
    ),
    "GET /jobs/{number}/patch": _PATCH,
    "GET /jobs/{number}/landing": Endpoint(service=show_landing, path={"number": DIGITS}),
    "GET /stats": Endpoint(
        service=stats.show_stats,
        query={"days": DIGITS.optional(None), "by": choice(*stats.GROUPS).optional("project")},
    ),
    "GET /sessions": Endpoint(service=sessions.list_sessions, at=_AT_ALL_SESSIONS),
    "GET /worktrees": Endpoint(service=worktrees.list_worktrees, at=_AT_ALL_WORKTREES),
    "POST /jobs/drop": Endpoint(
        service=drop_jobs,
        at=_AT_EACH_DROPPED,
        body={"refs": _NONE, "names": _NONE, "cwd": DIRECTORY, "is_confirmed": _NO},
    ),
    "POST /jobs/diff": Endpoint(
        service=diff_jobs,
        at=At(divide=placing.jobs_named, merge=merging.only, first=_other_work),
        body=_JOBS | {"other": OTHER_WORK.or_null().optional(None)},
    ),
    "POST /cleanup": Endpoint(
        service=clean_up, at=_AT_ALL_CLEANED, body={"older": _EMPTY, "is_all": _NO, "is_confirmed": _NO}
    ),
    "GET /trash": Endpoint(service=show_trash, at=_AT_ALL_TRASH, query={"cwd": DIRECTORY.optional("")}),
    "POST /trash/restore": Endpoint(
        service=restore_trash,
        at=At(divide=placing.job_restored, merge=merging.only, limit_s=_PATIENCE_S),
        body={"ref": TEXT, "cwd": DIRECTORY},
    ),
    "POST /jobs/pr": Endpoint(
        service=_pull_request,
        at=_AT_JOB,
        body={"ref": TEXT, "cwd": DIRECTORY, "environment": ENVIRONMENT.optional({})},
    ),
    "POST /checkout/push": Endpoint(service=push_checkout, body=_CHECKOUT | {"message": _EMPTY}),
    "POST /checkout/pull": Endpoint(service=pull_checkout, body=_CHECKOUT),
    "POST /checkout/revert": Endpoint(service=revert_checkout, body=_CHECKOUT | {"count": WHOLE.optional(1)}),
    "POST /checkout/setup": Endpoint(service=setup_checkout, body=_CHECKOUT | {"url": _EMPTY}),
}

#: Of who is no machine of the cluster yet, at the door for those that are: a secret of a token is the login.
JOIN = {
    "POST /join": Endpoint(
        service=admit_machine,
        body={
            "secret": TEXT,
            "id": MACHINE_ID,
            "name": TEXT,
            "version": TEXT,
            "ledger": WHOLE,
            "run": WHOLE,
            "job": WHOLE,
        },
    )
}
