"""The catalogue of the cluster: each machine's database is a copy of it that is written through.

An instance of one machine has none in Redis and pays nothing. The machine that the ledger belongs to puts its
catalogue in first; what others bring when they join is added to it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aios_app.domain.catalogue import Merge, merge
from aios_app.domain.errors import InstanceBusy, QueueError
from aios_app.services.context import Context
from aios_app.stack.locks import lock_within, open_lock

logger = logging.getLogger(__name__)

#: Seconds for another process of this machine that does the same.
_LOCK_S = 20.0
#: Each try that fails means that another machine's change came in between.
_TRIES = 100


def share_catalogue(ctx: Context) -> list[str]:
    """Brings this machine's last changes to the cluster, and the cluster's here; what a person should know.

    Nothing where there is one machine. While Redis is away the changes wait for the worker's next connection.
    """
    try:
        return sync_catalogue(ctx) if is_shared(ctx) else []
    except QueueError:
        ctx.note_trouble()
        return []


def freshen_catalogue(ctx: Context) -> None:
    """Takes over what other machines have changed, where this one has not heard of it yet."""
    known = ctx.catalog.shared_rev()
    try:
        if (known or ctx.settings.is_member) and ctx.ledger.catalogue.rev() != known:
            sync_catalogue(ctx)
    except QueueError:
        ctx.note_trouble()  # what is known here still serves


def is_shared(ctx: Context) -> bool:
    """Whether others have this catalogue, or are to have it."""
    return ctx.settings.is_member or was_shared(ctx)


def was_shared(ctx: Context) -> bool:
    """Whether there is, or was, another machine."""
    return ctx.catalog.shared_rev() > 0 or len(ctx.ledger.machines()) > 1


def sync_catalogue(ctx: Context) -> list[str]:
    """Makes this machine's catalogue and the cluster's the same; what a person should know."""
    with _alone(ctx):
        for _ in range(_TRIES):
            merged = _merge(ctx)
            if merged is not None:
                break
        else:
            raise QueueError("the other machines change the catalogue all the time: try again")
    for line in merged.said:
        logger.warning("%s", line)
    if merged.pushes:
        _tell(ctx)
    return list(merged.said)


def _merge(ctx: Context) -> Merge | None:
    """What was done; None: another machine was quicker, and nothing was."""
    rev, cluster = ctx.ledger.catalogue.rows()
    if not rev and (owner := _other_owner(ctx)):
        ctx.queue.send_catalogue(owner)
        return Merge()
    here, known = ctx.catalog.shared_state()
    merged = merge(here, known if rev else {}, cluster)  # 0: Redis never had it, or has lost it
    if merged.pushes and not ctx.ledger.catalogue.put(merged.pushes, rev=rev):
        return None
    ctx.catalog.take_shared(merged.changes, {**cluster, **merged.pushes}, rev + bool(merged.pushes))
    return merged


@contextmanager
def _alone(ctx: Context) -> Iterator[None]:
    """One process of this machine at a time compares."""
    ctx.settings.locks_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = open_lock(ctx.settings.locks_dir / "catalogue")
    try:
        if not lock_within(descriptor, _LOCK_S):
            raise InstanceBusy("another program compares the catalogue for very long: try again")
        yield
    finally:
        os.close(descriptor)


def _other_owner(ctx: Context) -> str:
    """The machine that has to put its catalogue in first, if that is another one."""
    owner = ctx.ledger.registry.owner()
    return owner if owner != ctx.machine and owner in ctx.ledger.machines() else ""


def _tell(ctx: Context) -> None:
    for machine in ctx.ledger.machines():
        if machine != ctx.machine:
            ctx.queue.send_catalogue(machine)
