"""The API as an OpenAPI document, made of the table of its requests and that of its answers."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import aios_app
from web.answers import ANSWERS, SESSION
from web.api import EVENTS_QUERY
from web.handlers import BaseHandler, Endpoint
from web.routes import ROOT
from web.schema import Field
from web.shapes import COMPONENTS, Shape, refer

_ABOUT = (
    "On the Unix socket api.sock of the data directory without a login; on the door for browsers with one, "
    "and with the headers that a browser's requests need there. Clients ignore fields that they do not know."
)
_JSON = "application/json"
_ERRORS = {
    400: "The request is wrong; nothing was touched.",
    404: "The API has no such request.",
    409: "Refused, to protect something that exists.",
    502: "An outside program failed.",
    500: "A fault of AIOS itself.",
}


def document(endpoints: Mapping[str, Endpoint], *others: str) -> dict[str, Any]:
    """What describes these requests, and those ``others`` that have a handler of their own."""
    operations = {line: _operation(line, endpoint) for line, endpoint in endpoints.items()}
    operations |= {line: _OTHERS[line] for line in others}
    paths: dict[str, dict[str, Any]] = {}
    for line, operation in operations.items():
        method, path = line.split(" ")
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "AIOS", "version": aios_app.__version__, "description": _ABOUT},
        "servers": [{"url": ROOT}],
        "paths": paths,
        "components": {"schemas": COMPONENTS},
    }


class DocumentHandler(BaseHandler):
    """Answers with the document of the requests that are served beside it."""

    def initialize(self, endpoints: Mapping[str, Endpoint], others: Sequence[str]) -> None:
        self.endpoints = endpoints
        self.others = others

    def get(self) -> None:
        self.finish(json.dumps(document(self.endpoints, *self.others)))


def _operation(line: str, endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _identity(line),
        "summary": (inspect.getdoc(endpoint.service) or "").partition("\n")[0],
        "parameters": _parameters("path", endpoint.path) + _parameters("query", endpoint.query),
        "responses": {str(status): _answer(shape) for status, shape in ANSWERS[line].items()} | _FAILURES,
    }
    if endpoint.body:
        operation["requestBody"] = _body(endpoint.body)
    return operation


def _identity(line: str) -> str:
    return re.sub(r"\W+", "_", line.lower()).strip("_")


def _parameters(place: str, fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": place, "required": field.is_required, "schema": _field(field)}
        for name, field in fields.items()
    ]


def _body(fields: Mapping[str, Field]) -> dict[str, Any]:
    required = sorted(name for name, field in fields.items() if field.is_required)
    properties = {name: _field(field) for name, field in fields.items()}
    shape = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"required": bool(required), "content": {_JSON: {"schema": shape}}}


def _field(field: Field) -> Shape:
    default = (
        {"default": field.default} if isinstance(field.default, str | int) and field.default != "" else {}
    )
    return {**field.schema, "description": field.says, **default}


def _answer(shape: Shape) -> dict[str, Any]:
    return {"description": "Done.", "content": {_JSON: {"schema": shape}}}


_FAILURES = {
    str(status): {"description": says, "content": {_JSON: {"schema": refer("Error")}}}
    for status, says in _ERRORS.items()
}


def _other(line: str, says: str, content: Mapping[str, Any], **fields: Field) -> dict[str, Any]:
    return {
        "operationId": _identity(line),
        "summary": says,
        "parameters": _parameters("query", fields),
        "responses": {"200": {"description": "Done.", "content": content}} | _FAILURES,
    }


_EVENTS, _DOCUMENT, _SESSION = "GET /events", "GET /openapi.json", "GET /web/session"
_OTHERS = {
    _EVENTS: _other(
        _EVENTS,
        "The stream of events: one line of JSON each, for as long as the client stays.",
        {"application/x-ndjson": {"schema": refer("FeedLine")}},
        **EVENTS_QUERY,
    ),
    _DOCUMENT: _other(_DOCUMENT, "This document.", {_JSON: {"schema": {"type": "object"}}}),
    _SESSION: _other(
        _SESSION, "Who this browser is, and the jobs of its links.", {_JSON: {"schema": SESSION}}
    ),
}
