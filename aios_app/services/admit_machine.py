"""Let another machine join the cluster: the token that it needs, and what it is given for it."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterable
from typing import Any

import aios_app
from aios_app.domain.errors import BadValue, NotNow, UsageError
from aios_app.domain.machines import MachineState, place_of
from aios_app.domain.specs import parse_duration
from aios_app.ledger import keys
from aios_app.services.catalogue_sync import sync_catalogue
from aios_app.services.context import Context
from aios_app.stack.certificates import fingerprint

#: What every token begins with.
JOIN_PREFIX = "aios1."
_LONGEST_NAME = 60
#: Two machines that join at once are not given one name.
_admitting = threading.Lock()


def make_token(ctx: Context, *, lasts: str) -> dict[str, Any]:
    """One line that lets one machine join, and until when; ``lasts`` is a duration such as 1h."""
    _check_is_open(ctx)
    node = ctx.ledger.registry.find(ctx.machine)
    if node is None or not node.port:
        raise NotNow("the door for other machines is not open: aios status says why")
    secret = secrets.token_urlsafe(32)
    expires_ms = ctx.ledger.registry.members.issue(secret, 1000 * parse_duration(lasts))
    place = place_of(node.address, node.port)
    values = {"node": place, "pin": fingerprint(node.certificate), "secret": secret, "expires_ms": expires_ms}
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    return {"token": JOIN_PREFIX + text, "expires_ms": expires_ms, "now_ms": ctx.ledger.now_ms()}


def admit_machine(
    ctx: Context,
    *,
    secret: str,
    id: str,  # noqa: A002 - the field of the request
    name: str,
    version: str,
    ledger: int,
    run: int,
    job: int,
) -> dict[str, Any]:
    """Where the ledger is, and a user of its own, for a machine that shows an unused secret.

    ``run`` and ``job`` are the highest numbers that it has given: none of them is given again.
    """
    _check_is_open(ctx)
    if ledger != keys.VERSION:
        raise BadValue(
            f"this cluster has AIOS {aios_app.__version__}, that machine {version[:20]}: update it"
        )
    members = ctx.ledger.registry.members
    with _admitting:
        _spend(ctx, secret, id)
        chosen = free_name(name, (known.name for known in ctx.ledger.machines_known() if known.id != id))
        ctx.ledger.open(instance="", last_run=run, last_job=job)
        password = secrets.token_urlsafe(32)
        user = members.admit(id, password)
        # Who has a key is listed, and can be removed, whether it ever comes or not.
        ctx.ledger.set_machine(id, name=chosen, version=version[:_LONGEST_NAME], state=MachineState.ACTIVE)
    sync_catalogue(ctx)  # it has to be there before who joins adds to it
    place = place_of(ctx.settings.listen, ctx.settings.relay_port)
    return {
        "name": chosen,
        "id": ctx.machine,
        "cluster": ctx.catalog.machine_name(),
        "redis_url": f"rediss://{user}:{password}@{place}/0",
        "authority": (ctx.settings.cluster_dir / "authority.pem").read_text(),
        "version": aios_app.__version__,
    }


def _spend(ctx: Context, secret: str, machine: str) -> None:
    """Uses the secret up for this machine; raises where it cannot join."""
    registry = ctx.ledger.registry
    known = registry.find(machine)
    if known is not None and (machine == ctx.machine or machine in registry.connected()):
        raise NotNow(
            f"{known.name} is in this cluster already: aios machines. Where that is another one, this one "
            "has a copy of its data directory: join with a new one, AIOS_DATA_DIR=..."
        )
    is_removed = known is not None and known.state is MachineState.REMOVED
    problem = registry.members.spend(secret, machine, is_again=not is_removed)
    if problem:
        raise UsageError(f"the token {problem}: aios join-token makes one, on the machine that it leads to")


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name in printable letters, with a number where another machine bears it."""
    used = set(taken)
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    wanted = " ".join(printable.split())[:_LONGEST_NAME].strip() or "machine"
    number = 2
    chosen = wanted
    while chosen in used:
        chosen = f"{wanted}-{number}"
        number += 1
    return chosen


def _check_is_open(ctx: Context) -> None:
    """Raises where no machine can join by a token here."""
    if ctx.settings.is_member:
        raise NotNow(f"the cluster's Redis is not on this machine: aios join-token on {_owner(ctx)}")
    if ctx.settings.redis_url is not None:
        raise NotNow("AIOS_REDIS_URL names the Redis here: others join by aios worker --broker URL")
    if not ctx.settings.listen:
        raise NotNow("this instance is not open to other machines: aios up --listen ADDRESS")


def _owner(ctx: Context) -> str:
    owner = ctx.ledger.registry.find(ctx.ledger.registry.owner())
    return owner.name if owner else "the machine that has it"
