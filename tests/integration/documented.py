"""Whether an answer of the service is one that its OpenAPI document describes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema_rs import validator_for

from web.api import ENDPOINTS
from web.entrance import share_endpoints, ticket_endpoints
from web.handlers import Endpoint
from web.openapi import document

_ROOT = "/api/v1"


def all_endpoints() -> dict[str, Endpoint]:
    """All requests of the table, and those by which browsers are let in."""
    nowhere: Any = None  # the door is used by their services, and not before
    return {**ENDPOINTS, **ticket_endpoints(nowhere), **share_endpoints(nowhere)}


def closed(shape: Any) -> Any:
    """The document with objects that hold what it says, and nothing besides."""
    if isinstance(shape, list):
        return [closed(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    ends = (
        {"additionalProperties": False} if shape.get("type") == "object" and shape.get("properties") else {}
    )
    return {name: closed(one) for name, one in shape.items()} | ends


def check_answer(method: str, path: str, status: int, answer: dict[str, Any]) -> None:
    """Fails where the document says something else of this answer; what it does not have is left alone."""
    for template, validators in _validators(method).items():
        if template.fullmatch(path.partition("?")[0]):
            assert status in validators, f"{method} {path} is answered with an undescribed status {status}"
            validators[status].validate(answer)
            return


@cache
def _validators(method: str) -> dict[re.Pattern[str], dict[int, Any]]:
    whole = closed(document(all_endpoints()))
    found = {}
    for path, operations in whole["paths"].items():
        if operation := operations.get(method.lower()):
            template = re.compile(_ROOT + re.sub(r"{\w+}", "[^/]+", path))
            found[template] = {
                int(status): validator_for(
                    {**response["content"]["application/json"]["schema"], "components": whole["components"]}
                )
                for status, response in operation["responses"].items()
            }
    return found
