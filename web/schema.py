"""What the fields of a request may hold. Strict: a wrong, missing or unknown field is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aios_app.domain.errors import UsageError
from aios_app.domain.landing import PERSON_VARIABLES
from aios_app.domain.models import Job
from aios_app.domain.steps import Step

_REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``take`` gives the value for the service or raises ``TypeError`` or ``ValueError``."""

    says: str
    take: Callable[[object], object]
    schema: Mapping[str, Any]  #: what ``take`` takes, as JSON Schema
    default: Any = _REQUIRED

    @property
    def is_required(self) -> bool:
        return self.default is _REQUIRED

    def optional(self, default: object) -> Field:
        """The same field, which may be left out."""
        return replace(self, default=default)

    def or_null(self) -> Field:
        """The same field, which may be ``null``."""
        take, schema = self.take, {"anyOf": [self.schema, {"type": "null"}]}
        says = f"{self.says} or null"
        return replace(self, says=says, schema=schema, take=lambda v: None if v is None else take(v))


def read_body(body: bytes) -> Mapping[str, object]:
    """The object that a request's body holds; an empty body is an empty object."""
    try:
        data = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UsageError("the body must be a JSON object")
    return data


def take_fields(fields: Mapping[str, Field], data: Mapping[str, object]) -> dict[str, Any]:
    """Every field by name, ready for the service; raises ``UsageError`` that names the wrong one."""
    unknown = next((name for name in data if name not in fields), None)
    if unknown is not None:
        known = ", ".join(fields) or "none"
        raise UsageError(f"'{unknown[:40]}' is not a field of this request (its fields: {known})")
    return {name: _take(name, field, data) for name, field in fields.items()}


def _take(name: str, field: Field, data: Mapping[str, object]) -> object:
    if name not in data:
        if field.is_required:
            raise UsageError(f"the field '{name}' is missing: it is {field.says}")
        return field.default
    try:
        return field.take(data[name])
    except (TypeError, ValueError) as error:
        raise UsageError(f"the field '{name}' must be {field.says}") from error


def choice(*words: str) -> Field:
    """One of these words."""
    says = " or ".join(f"'{word}'" for word in words)
    return Field(says, lambda value: _one_of(value, words), {"enum": list(words)})


def _one_of(value: object, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError
    return str(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode("utf-8", "surrogateescape")
    return value


def _directory(value: object) -> str:
    if not _text(value).startswith("/"):
        raise ValueError
    return _text(value)


def _machine_id(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_UUID, value):
        raise ValueError
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(item) for item in value)


def _some_texts(value: object) -> tuple[str, ...]:
    taken = _texts(value)
    if not taken:
        raise ValueError
    return taken


def _steps(value: object) -> tuple[Step, ...]:
    if not isinstance(value, list) or any(not isinstance(step, dict) for step in value):
        raise TypeError
    if any(sorted(step) != _STEP_FIELDS for step in value):
        raise ValueError
    return tuple(Step(**{name: _text(text) for name, text in step.items()}) for step in value)


def _environment(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or value.keys() - PERSON_VARIABLES:
        raise ValueError
    return {name: _text(item) for name, item in value.items()}


def _other_work(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() >= {"job", "base", "patch", "notes"}:
        raise TypeError
    try:
        job = Job.from_json(value["job"])
    except (AttributeError, KeyError) as error:
        raise ValueError from error
    if not re.fullmatch(r"[0-9a-f]{40,64}", _text(value["base"]), re.ASCII):
        raise ValueError
    return {
        "job": job.to_json(),
        "base": value["base"],
        "patch": _text(value["patch"]),
        "notes": _texts(value["notes"]),
    }


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise ValueError
    return value


def _digits(value: object) -> int:
    digits = _text(value)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ValueError
    return int(digits)


_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_STEP_FIELDS = ["command", "description"]
_STEP = {
    "type": "object",
    "properties": dict.fromkeys(_STEP_FIELDS, _TEXT),
    "required": _STEP_FIELDS,
    "additionalProperties": False,
}

TEXT = Field("a string without NUL", _text, _TEXT)
DIRECTORY = Field(
    "the absolute path of a directory", _directory, {"type": "string", "pattern": "^/[^\\u0000]*$"}
)
MACHINE_ID = Field("the id of a machine", _machine_id, {"type": "string", "pattern": f"^{_UUID}$"})
TEXTS = Field("a list of strings without NUL", _texts, {"type": "array", "items": _TEXT})
SOME_TEXTS = Field(
    "a list of at least one string without NUL",
    _some_texts,
    {"type": "array", "items": _TEXT, "minItems": 1},
)
OTHER_WORK = Field(
    "what GET /jobs/NUMBER/patch answers",
    _other_work,
    {
        "type": "object",
        "properties": {
            "job": {"$ref": "#/components/schemas/Job"},
            "base": {"type": "string", "pattern": "^[0-9a-f]{40,64}$"},
            "patch": _TEXT,
            "notes": {"type": "array", "items": _TEXT},
        },
        "required": ["base", "job", "notes", "patch"],
    },
)
ENVIRONMENT = Field(
    f"an object of strings, by the names {', '.join(sorted(PERSON_VARIABLES))}",
    _environment,
    {
        "type": "object",
        "properties": dict.fromkeys(sorted(PERSON_VARIABLES), _TEXT),
        "additionalProperties": False,
    },
)
STEPS = Field("a list of objects with description and command", _steps, {"type": "array", "items": _STEP})
FLAG = Field("true or false", _flag, {"type": "boolean"})
WHOLE = Field("a whole number, 0 or more", _whole, {"type": "integer", "minimum": 0, "maximum": 2**31 - 1})
DIGITS = Field("a number", _digits, {"type": "integer", "minimum": 0, "maximum": 999_999_999})
