"""The catalogue of a cluster: how one machine's rows and the cluster's become the same."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aios_app.domain.models import Agent

Data = dict[str, Any]

#: The row with the highest project number that was ever given.
COUNTER = "counter:projects"
_PROJECT = "project:"
_AGENT = "agent:"
_SETTING = "setting:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the cluster's catalogue. ``data`` is None where it was removed."""

    rev: int
    data: Data | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What makes both the same."""

    pushes: dict[str, Row] = field(default_factory=dict)  #: what the cluster must take
    changes: dict[str, Data | None] = field(default_factory=dict)  #: what this machine must take
    said: tuple[str, ...] = ()  #: what a person should know


def merge(here: Mapping[str, Data], known: Mapping[str, Row], cluster: Mapping[str, Row]) -> Merge:
    """Of each row the last change counts: what this machine changed since it knew the cluster's rows is last.

    ``known`` is empty where the machine joins: its rows are added, and of one that the cluster has too the
    cluster's counts. What the cluster has never heard of is not removed here. Projects keep their identity;
    a number or name that is taken becomes another.
    """
    wanted: dict[str, Data | None] = {}
    for name in {*here, *known, *cluster}:
        is_taken = not known and name in cluster and name != COUNTER
        wanted[name] = _wanted(name, None if is_taken else here.get(name), known.get(name), cluster.get(name))
    new_here = {name: data for name, data in here.items() if name not in known}
    said = [*_drop_twins(wanted, cluster, new_here), *_renumber(wanted, cluster)]
    pushes, changes = {}, {}
    for name, data in wanted.items():
        there = cluster.get(name)
        if data != (there.data if there else None):
            pushes[name] = Row(rev=(there.rev if there else 0) + 1, data=data)
        if data != here.get(name):
            changes[name] = data
    return Merge(pushes=pushes, changes=changes, said=tuple(said))


def is_known(name: str, row: Row) -> bool:
    """Whether this version of AIOS can keep such a row; of others it changes nothing."""
    data = row.data
    if data is None:
        return name.startswith((_PROJECT, _AGENT, _SETTING))
    try:
        if name.startswith(_PROJECT):
            return _is_project(data)
        if name.startswith(_AGENT):
            agent = Agent.from_json({**data, "uuid": "", "rev": 1})
            return name == f"{_AGENT}{agent.key}" and all(isinstance(word, str) for word in agent.argv)
        if name.startswith(_SETTING):
            return isinstance(data["value"], str)
        return name == COUNTER and isinstance(data["highest"], int)
    except (KeyError, TypeError, ValueError):
        return False


def _is_project(data: Data) -> bool:
    texts = [data["name"], data["path"], data["machine_id"], data["url"] or "", *data["tags"]]
    settings = [*data["settings"], *data["settings"].values()]
    return isinstance(data["number"], int) and all(isinstance(text, str) for text in texts + settings)


def _wanted(name: str, here: Data | None, known: Row | None, there: Row | None) -> Data | None:
    cluster = there.data if there else None
    is_changed_here = here != (known.data if known else None)
    is_changed_there = cluster != (known.data if known else None)
    if name == COUNTER and here and cluster and is_changed_here and is_changed_there:
        return {"highest": max(here["highest"], cluster["highest"])}
    return here if is_changed_here or there is None else cluster


def _drop_twins(
    wanted: dict[str, Data | None], cluster: Mapping[str, Row], new_here: Mapping[str, Data]
) -> Iterator[str]:
    """An agent whose name another one of the cluster has cannot come in."""
    names = {data["name"]: name for name, data in _of(wanted, _AGENT) if _is_there(cluster, name)}
    for name, data in _of(wanted, _AGENT):
        if names.setdefault(data["name"], name) != name:
            wanted[name] = None
            yield f"agent {data['name']} (key {data['key']}) was left out: the cluster has one of this name"
    for name, data in _of(new_here, _AGENT):
        now = wanted[name]
        if now and now != data and now["name"] != data["name"]:
            yield f"key {data['key']} is {now['name']} in this cluster: agent {data['name']} was left out"


def _renumber(wanted: dict[str, Data | None], cluster: Mapping[str, Row]) -> Iterator[str]:
    """Projects that come in make way for those that the cluster has."""
    projects = sorted(
        _of(wanted, _PROJECT), key=lambda one: (not _is_there(cluster, one[0]), one[1]["number"], one[0])
    )
    highest = max([-1, *(data["number"] for _, data in projects)])
    if counter := wanted.get(COUNTER):
        highest = max(highest, counter["highest"])
    numbers: set[int] = set()
    names: set[str] = set()
    for name, data in projects:
        free = dict(data)
        if data["number"] in numbers:
            highest += 1
            free["number"] = highest
        if data["name"] in names:
            free["name"] = _free(data["name"], names | {other["name"] for _, other in projects})
        if free != data:
            wanted[name] = free
            called = f"{free['number']} {free['name']}"
            yield f"project {data['number']} {data['name']} is {called} in this cluster"
        numbers.add(free["number"])
        names.add(free["name"])
    if wanted.get(COUNTER) != {"highest": highest} and (counter or projects):
        wanted[COUNTER] = {"highest": highest}


def _of(rows: Mapping[str, Data | None], kind: str) -> list[tuple[str, Data]]:
    return [(name, data) for name, data in rows.items() if name.startswith(kind) and data is not None]


def _is_there(cluster: Mapping[str, Row], name: str) -> bool:
    return name in cluster and cluster[name].data is not None


def _free(name: str, taken: Collection[str]) -> str:
    return next(free for free in map(f"{name}-{{}}".format, itertools.count(2)) if free not in taken)
