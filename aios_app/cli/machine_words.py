"""What is said of the machines of a cluster."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios_app.cli.client import Json

#: Over, or waiting for a person who can do nothing about the machine.
_SETTLED = frozenset({"landed", "dropped", "lost"})
_DAY_MS = 86_400_000


def mark_unreachable(answer: Json) -> None:
    """Gives each job whose machine does not answer the words for that, as its ``away``."""
    away = {one["id"]: one for one in answer.get("machines", ()) if one["unreachable_ms"]}
    for job in answer["jobs"] if away else ():
        machine = away.get(job.get("machine"))
        if machine and job.get("state") not in _SETTLED:
            job["away"] = f"{machine['name']} is {unreachable(machine['unreachable_ms'], answer['now_ms'])}"


def machine_cells(entries: Sequence[Json]) -> list[tuple[str, ...]]:
    """Of each entry a cell with its machine's name, where there are several machines; else none."""
    names = [str(one.get("machine", "")) for one in entries]
    return [(name,) for name in names] if len(set(names)) > 1 else [() for _ in names]


def name_machines(jobs: Iterable[Json], machines: Iterable[Json]) -> None:
    """Gives each job the name of its machine, as its ``where``; not where there is one machine alone."""
    names = {one["id"]: str(one["name"]) for one in machines}
    for job in jobs if names else ():
        machine = str(job.get("machine") or "")
        job["where"] = names.get(machine, machine[:8]) if machine else "any"


def unreachable(since_ms: int, now_ms: int) -> str:
    """``unreachable since 22:14``, by the clock of the person's machine."""
    if since_ms <= 1:
        return "unreachable"
    form = "%H:%M" if now_ms - since_ms < _DAY_MS else "%b %d %H:%M"
    behind_s = max(0, now_ms - since_ms) / 1000
    return "unreachable since " + time.strftime(form, time.localtime(time.time() - behind_s))


def cluster_words(status: Json) -> str:
    """``member of the cluster of vm``, or where others join; empty where there is nobody else."""
    cluster = status.get("cluster") or {}
    count = cluster.get("machines", 1)
    machines = f"{count} machine{'s' * (count != 1)}"
    if cluster.get("is_member"):
        whose = f"of {cluster['owner']}" if cluster["owner"] else "of the Redis given to aios worker --broker"
        return f"member of the cluster {whose}, {machines}: aios machines"
    if not cluster.get("listen"):
        return f"{machines}: aios machines" if count > 1 else ""
    if not cluster["relay_port"]:
        return f"open to other machines at {cluster['listen']}, {machines}: aios machines"
    relay = "" if cluster["is_relay_up"] else ", but the relay is down"
    until = time.strftime("%Y-%m-%d", time.localtime(cluster["expires_ms"] / 1000))
    from aios_app.domain.machines import place_of

    return (
        f"open to other machines at {place_of(cluster['listen'], cluster['relay_port'])}{relay}, {machines} "
        f"(certificate until {until})"
    )
