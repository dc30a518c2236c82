"""What of the API lets browsers in: tickets for the person, links to look at one job for others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aios_app.domain.errors import UsageError
from aios_app.domain.models import Job
from aios_app.domain.specs import parse_duration
from aios_app.services.context import Context
from aios_app.services.find_jobs import find_jobs
from web.access import TICKET_S
from web.door import Door
from web.handlers import Endpoint
from web.schema import DIRECTORY, TEXT, TEXTS

#: What somebody with a link is told of its job.
SHARED = (
    *("number", "run", "name", "project", "agent", "title", "state", "since_ms", "created_ms"),
    *("started_ms", "finished_ms", "turns", "question", "is_open", "machine"),
)
_LONGEST_LINK_S = 30 * 24 * 3600
_OPEN_S = 10.0
#: A place on this very server: no other host can be meant by it.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-~]{0,500}")


def shared(job: Mapping[str, Any]) -> dict[str, Any]:
    """What of a job somebody sees who may only look at it."""
    return {name: job[name] for name in SHARED}


def ticket_endpoints(door: Door) -> dict[str, Endpoint]:
    """What only who is on this machine, as this user, may ask for."""

    def make_ticket(ctx: Context, *, path: str) -> dict[str, Any]:
        """An address that lets one browser in, once and soon."""
        if not _LOCAL_PATH.fullmatch(path):
            raise UsageError(f"'{path[:40]}' is not a path such as /terminal.html")
        door.open_from_thread(_OPEN_S)
        url = f"{door.place.url}/login?ticket={door.access.ticket(path)}"
        return {"url": url, "expires_ms": ctx.ledger.now_ms() + 1000 * TICKET_S}

    return {"POST /web/ticket": Endpoint(service=make_ticket, body={"path": TEXT})}


def share_endpoints(door: Door) -> dict[str, Endpoint]:
    """What whoever is logged in may ask for too."""

    def make_share(ctx: Context, *, ref: str, cwd: str, lasts: str) -> dict[str, Any]:
        """A link by which anybody may look at one job for so long."""
        job, lasts_s = _one(ctx, ref, cwd), parse_duration(lasts)
        if lasts_s > _LONGEST_LINK_S:
            raise UsageError(f"a link lasts 30 days at most, not {lasts[:40]}")
        door.open_from_thread(_OPEN_S)
        token, link = door.access.share(job.number, lasts_s)
        url = f"{door.place.url}/share.html#{token}"
        return {"url": url, "job": shared(job.to_json()), "expires_ms": int(1000 * link.expires_s)}

    def revoke(ctx: Context, *, refs: Sequence[str], cwd: str) -> dict[str, Any]:
        """Ends the links of these jobs, or all; who looks is cut off."""
        count, keys = door.access.revoke({job.number for job in find_jobs(ctx, refs, cwd)})
        door.cut_off(keys)
        return {"revoked": count}

    body = {"ref": TEXT, "cwd": DIRECTORY, "lasts": TEXT}
    return {
        "POST /web/shares": Endpoint(service=make_share, body=body),
        "POST /web/shares/revoke": Endpoint(service=revoke, body={"refs": TEXTS, "cwd": DIRECTORY}),
    }


def _one(ctx: Context, ref: str, cwd: str) -> Job:
    jobs = find_jobs(ctx, [ref], cwd)
    if len(jobs) != 1:
        raise UsageError(f"{ref} is {len(jobs)} jobs: a link shows one of them")
    return jobs[0]
