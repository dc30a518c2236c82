"""The fleet and the stack at a glance."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aios_app
from aios_app.services.context import Context
from aios_app.stack.certificates import expires
from aios_app.stack.locks import is_held
from aios_app.stack.machine import machine_facts
from aios_app.stack.processes import Record


def show_status(ctx: Context) -> dict[str, Any]:
    """What this instance is, how much it has to do, and which of its programs live."""
    parked = ctx.ledger.parked_lanes()
    waits, runs_open = ctx.ledger.tally()
    return {
        "version": aios_app.__version__,
        "data_dir": str(ctx.settings.data_dir),
        "machine": _machine(ctx),
        "counts": ctx.ledger.counts(),
        "parked": [{"lane": lane.name, "until_ms": lane.until_ms, "reason": lane.reason} for lane in parked],
        "queue": _queue(waits),
        "runs_open": runs_open,
        "redis": ctx.ledger.server_info() | {"is_external": ctx.settings.redis_url is not None},
        "cluster": _cluster(ctx),
        "worker": _worker(ctx),
        "web": {"pid": os.getpid()} | _browsers(ctx),
    }


def _browsers(ctx: Context) -> dict[str, str]:
    """Where they come in, or the problem that keeps them out."""
    try:
        said = json.loads(ctx.settings.web_address_file.read_text())
        return {"url": str(said["url"]), "problem": str(said["problem"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"url": "", "problem": ""}


def _machine(ctx: Context) -> dict[str, Any]:
    return {
        "id": ctx.machine,
        "name": ctx.catalog.machine_name(),
        "max_agents": int(ctx.catalog.get("max_agents")),
        "slots": ctx.ledger.slots_used(ctx.machine),
        **machine_facts(),
    }


def _cluster(ctx: Context) -> dict[str, Any]:
    """Whether there are others, whose Redis it is, and where others join."""
    settings, registry = ctx.settings, ctx.ledger.registry
    owner = registry.find(registry.owner())
    has_relay = settings.redis_url is None and bool(settings.listen)
    authority = settings.cluster_dir / "authority.pem"
    return {
        "is_member": settings.is_member,
        "owner": owner.name if owner else "",
        "machines": registry.count(),
        "listen": settings.listen,
        "relay_port": settings.relay_port if has_relay else 0,
        "is_relay_up": has_relay and is_held(settings.run_dir / "relay.lock"),
        "expires_ms": int(1000 * expires(authority).timestamp()) if authority.exists() else 0,
    }


def _queue(waits: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many jobs wait for what, the most first."""
    return [{"reason": reason, "jobs": jobs} for reason, jobs in Counter(waits).most_common()]


def _worker(ctx: Context) -> dict[str, Any]:
    """Alive as long as its lock is held; the record alone may be of a process that is gone."""
    run_dir = ctx.settings.run_dir
    record = Record.read(run_dir, "worker")
    is_alive = is_held(run_dir / "worker.lock")
    return {"is_alive": is_alive, "pid": record.process.pid if is_alive and record else 0}
