"""Find or make an agent's session for a directory, and give it what it is to do: ``aios c``, ``aios c++``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from aios_app.domain.errors import InstanceBusy, UnknownAgent, UsageError
from aios_app.domain.models import LIVE_STATES, Agent, Finishes, Job, JobState
from aios_app.domain.opening import DRAFT, NEW, split_call
from aios_app.domain.planning import Order
from aios_app.domain.specs import check_prompt, parse_duration
from aios_app.services.attach_job import bring_back
from aios_app.services.claim import dispatch
from aios_app.services.context import Context
from aios_app.services.opening_place import Place, read_place
from aios_app.services.project_places import placed
from aios_app.services.send_text import Message, deliver
from aios_app.services.shell_window import open_shell_window
from aios_app.services.start_run import base_line, begin_run, plan
from aios_app.services.unattended import first_notice
from aios_app.stack.locks import lock_within, open_lock

#: Seconds for another command that is about to make a session.
_LOCK_S = 20.0
#: Seconds in which an agent that makes room is gone.
_SLOT_S = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """What ``POST /api/v1/jobs/open`` carries; see ``docs/api.md``."""

    agent: str
    words: Sequence[str]
    cwd: str
    prompt: str | None = None
    base: str = ""
    name: str = ""
    limit: str = ""
    extra_args: Sequence[str] = ()
    has_shell: bool = False
    is_dry_run: bool = False
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the words mean. ``prompt`` is empty where there is none."""

    agent: Agent
    suffix: str
    place: Place
    prompt: str


def open_session(ctx: Context, request: OpenRequest) -> dict[str, Any]:
    """The job of the session, found or made, and what came of the prompt.

    Raises ``UsageError`` for what is wrong in the request, before anything is made.
    """
    wish = _wish(ctx, request)
    order = _order(wish, request)
    job, is_new = _planned(ctx, wish, order) if request.is_dry_run else _found_or_made(ctx, wish, order)
    answer = {"taken": wish.place.taken, "base": base_line(ctx, order), "is_new": is_new}
    delivery, notice = None, ""
    if not request.is_dry_run:
        notice = first_notice(ctx, [wish.agent])
        delivery = _give_prompt(ctx, job, wish, is_new=is_new)
        if request.has_shell:
            job, _ = bring_back(ctx, job)
            open_shell_window(ctx, job)
        job = ctx.ledger.job(job.number) or job
    return answer | {"job": job.to_json(), "delivery": delivery, "notice": notice}


def _planned(ctx: Context, wish: _Wish, order: Order) -> tuple[Job, bool]:
    found = _find(ctx, wish)
    return found or plan(ctx, order, run=0, first_job=1, now_ms=0).jobs[0], found is None


def _found_or_made(ctx: Context, wish: _Wish, order: Order) -> tuple[Job, bool]:
    """The job, and whether it is new."""
    with _alone(ctx):
        found = _find(ctx, wish)
        if found is not None:
            return found, False
        job = begin_run(ctx, order, {"*": "" if wish.suffix == DRAFT else wish.prompt}).jobs[0]
    ctx.ledger.hurry(job)
    dispatch(ctx)
    return _await_slot(ctx, job), True


def _await_slot(ctx: Context, job: Job) -> Job:
    """The job as it is once it has a slot: an agent in review may have to make room, and a person waits."""
    deadline = time.monotonic() + _SLOT_S
    while (left_s := deadline - time.monotonic()) > 0:
        after = ctx.ledger.last_event_id()
        job = ctx.ledger.job(job.number) or job
        if job.state is not JobState.QUEUED:
            break
        ctx.ledger.wait_event(after, timeout_s=left_s)
    return job


def _give_prompt(ctx: Context, job: Job, wish: _Wish, *, is_new: bool) -> dict[str, Any] | None:
    """What came of typing the prompt in; None where there is none, or the agent starts with it."""
    if not wish.prompt or (is_new and wish.suffix != DRAFT):
        return None
    message = Message(text=wish.prompt, is_submitted=wish.suffix != DRAFT)
    return deliver(ctx, job, message).to_json()


def _wish(ctx: Context, request: OpenRequest) -> _Wish:
    agents = ctx.catalog.agents()
    call = split_call(request.agent, [word for agent in agents for word in (agent.key, agent.name)])
    if call is None:
        raise UnknownAgent(f"'{request.agent}' calls no agent: aios agents lists them")
    agent, suffix = ctx.catalog.find_agent(call[0]), call[1]
    place = read_place(ctx, request.words, request.cwd, is_new=suffix == NEW)
    prompt = _prompt(ctx, request, agent, suffix, place)
    if suffix == NEW:
        [project], _ = placed(ctx, [place.project], request.machine)
        place = replace(place, project=project)
        if request.has_shell and project.machine_id != ctx.machine:
            name = ctx.catalog.machine_name()
            raise UsageError(
                f"-t opens a window here, and {project.name} may run elsewhere: --machine {name}"
            )
    elif request.base or request.machine:
        flag = "--base" if request.base else "--machine"
        raise UsageError(f"{flag} is for a new worktree: aios {call[0]}++")
    return _Wish(agent=agent, suffix=suffix, place=place, prompt=prompt)


def _prompt(ctx: Context, request: OpenRequest, agent: Agent, suffix: str, place: Place) -> str:
    given = [prompt for prompt in (place.prompt, request.prompt) if prompt is not None]
    if len(given) > 1:
        raise UsageError("two prompts: one in the words and one by -p, -e or --prompt-file")
    asks_default = suffix not in {"", NEW}
    if given and asks_default:
        raise UsageError(f"aios {request.agent} uses the default prompt: leave yours out, or the '{suffix}'")
    if agent.finishes is Finishes.NEVER and (given or asks_default):
        raise UsageError(f"{agent.name} takes no prompt")
    if asks_default:
        return ctx.catalog.prompt_for(agent)
    return check_prompt(given[0]) if given else ""


def _order(wish: _Wish, request: OpenRequest) -> Order:
    is_new = wish.suffix == NEW
    return Order(
        source="new" if is_new else "here",
        agents=((wish.agent, 1),),
        projects=(wish.place.project,),
        prompt=wish.prompt,
        limit_s=parse_duration(request.limit) if request.limit else 0,
        base=request.base,
        name=request.name,
        extra_args=tuple(request.extra_args),
        is_in_place=not is_new,
        placed=f"--machine {request.machine}" if request.machine else "",
    )


def _find(ctx: Context, wish: _Wish) -> Job | None:
    """The agent's newest session for the directory, also one in its own worktree or that was closed."""
    if wish.suffix == NEW:
        return None
    jobs = ctx.ledger.jobs_in([*LIVE_STATES, JobState.REVIEW])
    here = [job for job in jobs if job.worktree == wish.place.project.path and _goes_on(ctx, job, wish.agent)]
    return max(here, key=lambda job: job.number, default=None)


def _goes_on(ctx: Context, job: Job, agent: Agent) -> bool:
    if job.agent_key != agent.key or job.machine != ctx.machine:
        return False
    comes_back = job.finishes in {Finishes.TURN, Finishes.SILENCE}
    return job.state is not JobState.REVIEW or job.is_open or comes_back


@contextmanager
def _alone(ctx: Context) -> Iterator[None]:
    """One command at a time finds or makes a session, so that none is doubled."""
    ctx.settings.locks_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = open_lock(ctx.settings.locks_dir / "sessions")
    try:
        if not lock_within(descriptor, _LOCK_S):
            raise InstanceBusy("another command is making a session for very long: try again")
        yield
    finally:
        os.close(descriptor)
