"""Whether a value has a shape of ``web.shapes``: what another machine answers is held against the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from web.answers import ANSWERS
from web.shapes import COMPONENTS, Shape

_REFERENCE = "#/components/schemas/"


def is_answer(line: str, answer: object) -> bool:
    """Whether a node may answer this request so where nothing is wrong."""
    return any(
        fits(shape, answer) for status, shape in ANSWERS[line].items() if status < HTTPStatus.BAD_REQUEST
    )


def fits(shape: Shape, value: object) -> bool:
    """Whether the value is as the shape says; what an object has besides is not looked at."""
    if "$ref" in shape:
        return fits(COMPONENTS[str(shape["$ref"]).removeprefix(_REFERENCE)], value)
    if "anyOf" in shape:
        return any(fits(one, value) for one in shape["anyOf"])
    if "const" in shape or "enum" in shape:
        return value in shape.get("enum", [shape.get("const")])
    return "type" not in shape or _TYPES[shape["type"]](shape, value)


def _is_object(shape: Shape, value: object) -> bool:
    if not isinstance(value, dict) or not value.keys() >= set(shape.get("required", ())):
        return False
    known: Mapping[str, Any] = shape.get("properties", {})
    return all(fits(known[name], item) for name, item in value.items() if name in known)


def _is_list(shape: Shape, value: object) -> bool:
    return isinstance(value, list) and all(fits(shape.get("items", {}), item) for item in value)


_TYPES: Mapping[str, Callable[[Shape, object], bool]] = {
    "object": _is_object,
    "array": _is_list,
    "string": lambda _, value: isinstance(value, str),
    "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda _, value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda _, value: isinstance(value, bool),
    "null": lambda _, value: value is None,
}
