"""The shapes of answers as JSON Schema: the nouns from their dataclasses, the rest in words."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from aios_app.domain.landing import ConflictFile, Landing
from aios_app.domain.machines import MachineState
from aios_app.domain.models import Agent, Job, Project
from aios_app.domain.steps import Step, StepList
from aios_app.services.send_text import Delivery
from web.entrance import SHARED
from web.lines import VERSION

Shape = Mapping[str, Any]

TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": "integer"}
FRACTION: Shape = {"type": "number"}
FLAG: Shape = {"type": "boolean"}


def record(**names: Shape) -> Shape:
    """An object with these names; each is always there."""
    return {"type": "object", "properties": names, "required": sorted(names)}


def extended(shape: Shape, **names: Shape) -> Shape:
    """The object with names that may be missing."""
    return {**shape, "properties": {**shape["properties"], **names}}


def answer(**names: Shape) -> Shape:
    """As ``record``, with the version that every answer bears."""
    return record(v={"const": VERSION}, **names)


def list_of(shape: Shape) -> Shape:
    """A list in which each has this shape."""
    return {"type": "array", "items": shape}


def counts(names: Iterable[str]) -> Shape:
    """How many there are of each; what there is none of may be left out."""
    return extended(record(), **dict.fromkeys(names, NUMBER))


def or_null(shape: Shape) -> Shape:
    """The shape, or ``null``."""
    return {"anyOf": [shape, {"type": "null"}]}


def one_of(words: Iterable[str]) -> Shape:
    """One of these words."""
    return {"type": "string", "enum": [str(word) for word in words]}


def refer(name: str) -> Shape:
    """The shape of that name in ``COMPONENTS``."""
    return {"$ref": f"#/components/schemas/{name}"}


def noun(kind: type[Any], *, without: Collection[str] = (), **more: Shape) -> Shape:
    """The fields of a dataclass, and ``more`` that the API adds to it."""
    types = get_type_hints(kind)
    return record(**{f.name: _of(types[f.name]) for f in fields(kind) if f.name not in without}, **more)


def _of(kind: Any) -> Shape:  # noqa: ANN401 - any annotation of a field
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) is tuple:
        return list_of(_of(get_args(kind)[0]))
    if get_origin(kind) is UnionType:
        return or_null(next(_of(one) for one in get_args(kind) if one is not NoneType))
    if is_dataclass(kind) and isinstance(kind, type):
        return refer(kind.__name__)
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return one_of(kind)
    raise TypeError(f"{kind} has no shape")


def _line(kind: str, **names: Shape) -> Shape:
    return answer(type={"const": kind}, id=TEXT, **names)


_PLAIN: Mapping[Any, Shape] = {str: TEXT, int: NUMBER, bool: FLAG}

#: By name, in the document once however many answers hold them.
COMPONENTS: Mapping[str, Shape] = {
    "Agent": noun(Agent),
    "ConflictFile": noun(ConflictFile),
    "Delivery": noun(Delivery),
    "Error": answer(
        error=record(kind=one_of(["usage", "conflict", "external", "internal"]), type=TEXT, message=TEXT),
    ),
    "FeedLine": {
        "anyOf": [
            _line("hello"),
            _line("job", job=refer("Job")),
            _line("run", run=NUMBER),
            _line("gap"),
            answer(type={"const": "redis"}, is_away=FLAG),
        ]
    },
    "Job": noun(Job),
    "Landing": noun(Landing, without={"environment"}),
    "Problem": record(job=NUMBER, message=TEXT),
    "Machine": record(
        id=TEXT,
        name=TEXT,
        address=TEXT,
        port=NUMBER,
        version=TEXT,
        state=one_of(MachineState),
        max_agents=NUMBER,
        slots=NUMBER,
        load=FRACTION,
        cores=NUMBER,
        memory_bytes=NUMBER,
        available_bytes=NUMBER,
        agents=list_of(TEXT),
        missing={"type": "object", "additionalProperties": TEXT},
        beat_ms=NUMBER,
        unreachable_ms=NUMBER,
        takes_no_jobs=TEXT,
        has_redis=FLAG,
        is_here=FLAG,
    ),
    "Project": noun(Project),
    "Step": noun(Step),
    "StepList": noun(StepList),
    "Shared": noun(Job, without={f.name for f in fields(Job)} - set(SHARED)),
    "TrashEntry": record(
        ref=TEXT,
        job=NUMBER,
        project=TEXT,
        name=TEXT,
        branch=TEXT,
        removed_ms=NUMBER,
        expires_ms=NUMBER,
        files=NUMBER,
        commits=NUMBER,
        title=TEXT,
        machine=TEXT,
    ),
    "Run": record(
        number=NUMBER,
        source=TEXT,
        title=TEXT,
        is_sequential=FLAG,
        stages=list_of(record(index=NUMBER, label=TEXT, jobs=list_of(refer("Job")))),
    ),
}
