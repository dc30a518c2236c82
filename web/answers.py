"""What each request of ``web.api`` is answered with where nothing is wrong, by status."""

from __future__ import annotations

from collections.abc import Mapping

from aios_app.domain.events import EventKind
from aios_app.domain.models import Agent, Job, JobState, Project
from aios_app.services.stats import GROUPS
from web.shapes import (
    FLAG,
    FRACTION,
    NUMBER,
    TEXT,
    Shape,
    answer,
    counts,
    extended,
    list_of,
    noun,
    one_of,
    or_null,
    record,
    refer,
)

_JOB, _JOBS = refer("Job"), list_of(refer("Job"))
_AGENT, _PROJECT, _LINES = refer("Agent"), refer("Project"), list_of(TEXT)
_PROBLEMS = list_of(refer("Problem"))
_SKIPPED = list_of(record(project=TEXT, message=TEXT))
_STATES = counts(JobState)
#: Of a cluster; nothing of an instance of one machine.
_MACHINES = list_of(record(id=TEXT, name=TEXT, unreachable_ms=NUMBER))
#: Nothing was begun: a person decides.
_QUESTION = answer(question=TEXT, names=_LINES)
_LANDINGS = {"anyOf": [answer(landings=list_of(refer("Landing")), problems=_PROBLEMS), _QUESTION]}
_REMOVAL = record(job=or_null(_JOB), name=TEXT, is_dropped=FLAG, message=TEXT, trash=TEXT)
_REMOVALS = {"anyOf": [answer(results=list_of(_REMOVAL)), _QUESTION]}
_KEPT = list_of(record(job=_JOB, name=TEXT, message=TEXT))
_ENTRY = refer("TrashEntry")
_STEPS = {"anyOf": [answer(steps=_LINES, sha=TEXT), _QUESTION]}


def _ok(**names: Shape) -> Mapping[int, Shape]:
    return {200: answer(**names)}


_FOUND = {"now_ms": NUMBER, "jobs": _JOBS, "machines": _MACHINES}
SESSION = answer(kind=one_of(["owner", "share"]), jobs=list_of(refer("Shared")))

ANSWERS: Mapping[str, Mapping[int, Shape]] = {
    "GET /status": _ok(
        version=TEXT,
        data_dir=TEXT,
        machine=record(
            id=TEXT,
            name=TEXT,
            max_agents=NUMBER,
            slots=NUMBER,
            load=FRACTION,
            cores=NUMBER,
            memory_bytes=NUMBER,
            available_bytes=NUMBER,
            uptime_s=NUMBER,
            programs=record(python=TEXT, git=TEXT, tmux=TEXT),
        ),
        counts=_STATES,
        parked=list_of(record(lane=TEXT, until_ms=NUMBER, reason=TEXT)),
        queue=list_of(record(reason=TEXT, jobs=NUMBER)),
        runs_open=NUMBER,
        redis=record(engine=one_of(["redis", "valkey"]), version=TEXT, is_external=FLAG),
        cluster=record(
            is_member=FLAG,
            owner=TEXT,
            machines=NUMBER,
            listen=TEXT,
            relay_port=NUMBER,
            is_relay_up=FLAG,
            expires_ms=NUMBER,
        ),
        worker=record(is_alive=FLAG, pid=NUMBER),
        web=record(pid=NUMBER, url=TEXT, problem=TEXT),
    ),
    "GET /projects": _ok(projects=list_of(noun(Project, problem=TEXT, branch=TEXT, machine=TEXT))),
    "POST /projects": _ok(
        project=_PROJECT, facts=record(base=TEXT, push=TEXT, setup_hint=TEXT, url=or_null(TEXT))
    ),
    "DELETE /projects/{ref}": _ok(project=_PROJECT),
    "PUT /projects/{ref}/tags": _ok(project=_PROJECT),
    "POST /projects/renumber": _ok(projects=list_of(_PROJECT)),
    "POST /scan": _ok(directory=TEXT, repositories=list_of(record(path=TEXT, name=TEXT, is_saved=FLAG))),
    "GET /agents": _ok(agents=list_of(noun(Agent, problem=TEXT))),
    "PUT /agents/{key}": _ok(agent=_AGENT),
    "DELETE /agents/{key}": _ok(agent=_AGENT),
    "GET /config": _ok(values=list_of(record(key=TEXT, value=TEXT, default=TEXT, help=TEXT))),
    "GET /config/{key}": _ok(key=TEXT, value=TEXT),
    "PUT /config/{key}": _ok(key=TEXT, value=TEXT),
    "POST /import": _ok(report=record(taken=_LINES, kept=_LINES, skipped=_LINES)),
    "POST /runs": {
        200: extended(
            answer(problems=_SKIPPED, base=TEXT, machines=_MACHINES), run=refer("Run"), question=TEXT
        ),
        201: answer(problems=_SKIPPED, base=TEXT, machines=_MACHINES, run=refer("Run"), notice=TEXT),
    },
    "GET /runs": _ok(
        runs=list_of(
            record(
                number=NUMBER,
                source=TEXT,
                title=TEXT,
                created_ms=NUMBER,
                is_sequential=FLAG,
                stage=NUMBER,
                stages=NUMBER,
                labels=_LINES,
                states=_STATES,
            )
        )
    ),
    "GET /steps": _ok(lists=list_of(refer("StepList"))),
    "POST /steps": _ok(list=refer("StepList")),
    "POST /steps/clear": _ok(list=refer("StepList")),
    "POST /steps/run": {status: answer(run=refer("Run"), base=TEXT) for status in (200, 201)},
    "GET /machines": _ok(now_ms=NUMBER, machines=list_of(refer("Machine"))),
    "POST /machines/drain": _ok(machine=refer("Machine")),
    "POST /machines/resume": _ok(machine=refer("Machine")),
    "POST /machines/remove": _ok(machine=refer("Machine"), jobs=_JOBS, is_removed=FLAG),
    "POST /machines/token": _ok(token=TEXT, expires_ms=NUMBER, now_ms=NUMBER),
    "GET /jobs": _ok(**_FOUND, left_out=_STATES),
    "POST /jobs/find": _ok(**_FOUND),
    "POST /jobs/stop": _ok(
        results=list_of(
            record(
                job=_JOB,
                outcome=one_of(["stopping", "stopped", "away", "not running"]),
                survivors=_LINES,
            )
        )
    ),
    "POST /jobs/retry": _ok(jobs=_JOBS, problems=_PROBLEMS),
    "POST /jobs/open": _ok(
        job=_JOB, is_new=FLAG, taken=TEXT, base=TEXT, delivery=or_null(refer("Delivery")), notice=TEXT
    ),
    "POST /jobs/send": _ok(results=list_of(refer("Delivery"))),
    "POST /jobs/answer": _ok(job=_JOB, is_answered=FLAG, reply=TEXT, message=TEXT),
    "POST /jobs/resume": _ok(jobs=_JOBS, problems=_PROBLEMS, at_once=NUMBER),
    "POST /jobs/attach": _ok(job=_JOB, argv=_LINES, is_resumed=FLAG),
    "GET /jobs/{number}/log": _ok(
        job=_JOB,
        source=one_of(["transcript", "live screen", "last screen", "setup", "check"]),
        text=TEXT,
    ),
    "GET /jobs/{number}/history": _ok(job=NUMBER, text=TEXT),
    "GET /jobs/{number}/events": _ok(
        events=list_of(record(id=TEXT, at_ms=NUMBER, kind=one_of(EventKind), state=one_of(JobState)))
    ),
    "POST /jobs/screens": _ok(screens=list_of(record(job=NUMBER, line=TEXT))),
    "POST /jobs/compare": _ok(
        now_ms=NUMBER,
        groups=list_of(record(project=TEXT, candidates=list_of(noun(Job, conflicts=_LINES)))),
        problems=_LINES,
    ),
    "POST /jobs/diff": _ok(
        text=TEXT,
        files=list_of(record(path=TEXT, added=NUMBER, removed=NUMBER, is_binary=FLAG)),
        titles=_LINES,
        left_out=NUMBER,
    ),
    "POST /jobs/seen": _ok(jobs=_JOBS),
    "POST /jobs/land": {200: _LANDINGS},
    "POST /jobs/pick": {200: _LANDINGS},
    "POST /jobs/revert": {200: _LANDINGS},
    "GET /jobs/{number}/patch": _ok(job=_JOB, base=TEXT, patch=TEXT, notes=_LINES),
    "GET /jobs/{number}/landing": _ok(landing=refer("Landing")),
    "POST /jobs/drop": {200: _REMOVALS},
    "POST /cleanup": {
        200: {
            "anyOf": [
                answer(results=list_of(_REMOVAL), kept=_KEPT, problems=_LINES),
                answer(question=TEXT, names=_LINES, kept=_KEPT, problems=_LINES),
            ]
        }
    },
    "POST /jobs/pr": _ok(job=_JOB, url=TEXT, is_open=FLAG, message=TEXT),
    "GET /trash": _ok(now_ms=NUMBER, entries=list_of(_ENTRY), problems=_LINES),
    "POST /trash/restore": _ok(entry=_ENTRY, path=TEXT, branch=TEXT, job=or_null(_JOB), message=TEXT),
    "GET /stats": _ok(
        days=or_null(NUMBER),
        by=one_of(GROUPS),
        rows=list_of(
            extended(
                record(
                    agent=TEXT,
                    jobs=NUMBER,
                    review=NUMBER,
                    failed=NUMBER,
                    landed=NUMBER,
                    dropped=NUMBER,
                    work_ms=NUMBER,
                    tokens_in=NUMBER,
                    tokens_cached=NUMBER,
                    tokens_out=NUMBER,
                    cost_usd=TEXT,
                ),
                project=TEXT,
                run=NUMBER,
                day=TEXT,
            )
        ),
    ),
    "GET /sessions": _ok(
        sessions=list_of(
            record(
                name=TEXT, windows=NUMBER, attached=NUMBER, path=TEXT, job=NUMBER, attach=TEXT, machine=TEXT
            )
        ),
        problems=_LINES,
    ),
    "GET /worktrees": _ok(
        directory=TEXT,
        now_ms=NUMBER,
        worktrees=list_of(
            record(
                path=TEXT,
                name=TEXT,
                job=NUMBER,
                project=TEXT,
                branch=TEXT,
                ahead=NUMBER,
                behind=NUMBER,
                is_dirty=FLAG,
                state=TEXT,
                work=TEXT,
                disk_bytes=NUMBER,
                is_ours=FLAG,
                machine=TEXT,
            )
        ),
        problems=_LINES,
    ),
    "POST /checkout/pull": {200: _STEPS},
    "POST /checkout/push": {200: _STEPS},
    "POST /checkout/revert": {200: _STEPS},
    "POST /checkout/setup": {200: _STEPS},
    "POST /web/ticket": _ok(url=TEXT, expires_ms=NUMBER),
    "POST /web/shares": _ok(url=TEXT, job=refer("Shared"), expires_ms=NUMBER),
    "POST /web/shares/revoke": _ok(revoked=NUMBER),
}
