"""The OpenAPI document holds every request of the service, and no other; so do the pages about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import is_valid, meta

from tests.integration.documented import all_endpoints
from web import schema
from web.answers import ANSWERS
from web.openapi import document
from web.schema import Field

DOCS = Path(__file__).parents[2] / "docs"
OTHERS = ("GET /events", "GET /openapi.json", "GET /web/session")
WHOLE = document(all_endpoints(), *OTHERS)


def _requests(whole: dict[str, Any]) -> Iterator[str]:
    for path, operations in whole["paths"].items():
        yield from (f"{method.upper()} {path}" for method in operations)


def _named(page: str) -> set[str]:
    """The requests that a page has: ``REF`` and the like stand for parts of a path."""
    text = (DOCS / page).read_text()
    found = re.findall(r"`(GET|POST|PUT|DELETE) /api/v1(/[^ ?`]+)", text)
    names = {"REF": "{ref}", "KEY": "{key}", "NUMBER": "{number}", "N": "{number}"}
    return {
        f"{method} {'/'.join(names.get(part, part) for part in path.split('/'))}" for method, path in found
    }


def test_the_document_has_every_request_and_no_other() -> None:
    assert set(_requests(WHOLE)) == {*all_endpoints(), *OTHERS}


def test_the_pages_about_the_api_have_every_request_and_no_other() -> None:
    assert _named("api.md") | _named("web.md") == set(_requests(WHOLE))


def test_every_answer_is_of_a_request() -> None:
    assert set(ANSWERS) == set(all_endpoints())


def test_every_request_says_what_it_does() -> None:
    silent = [
        f"{method} {path}"
        for path, operations in WHOLE["paths"].items()
        for method, operation in operations.items()
        if not operation["summary"].endswith(".")
    ]

    assert silent == []


def test_every_shape_is_json_schema() -> None:
    for shape in [*WHOLE["components"]["schemas"].values(), *_bodies(WHOLE)]:
        meta.validate(shape)


def test_every_noun_is_used_and_every_one_that_is_used_is_there() -> None:
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(WHOLE)))

    assert used == set(WHOLE["components"]["schemas"])


@pytest.mark.parametrize(
    ("name", "takes", "refuses"),
    [
        ("TEXT", ["", "a\nb"], ["a\0b", 1, None, ["a"]]),
        ("DIRECTORY", ["/", "/a b"], ["", "a", "/\0", "\n/"]),
        ("TEXTS", [[], ["a", ""]], [None, "a", [1], ["\0"]]),
        ("SOME_TEXTS", [["a"]], [[], [None]]),
        ("ENVIRONMENT", [{}, {"DISPLAY": ":0"}], [{"LD_PRELOAD": "x"}, {"DISPLAY": 1}, []]),
        ("FLAG", [True, False], [0, 1, "true", None]),
        ("WHOLE", [0, 7, 2**31 - 1], [-1, 2**31, "7", True, 0.5]),
    ],
)
def test_a_field_takes_what_its_schema_allows_and_refuses_what_that_forbids(
    name: str, takes: list[Any], refuses: list[Any]
) -> None:
    field: Field = getattr(schema, name)

    assert [value for value in takes if not _agree(field, value, is_good=True)] == []
    assert [value for value in refuses if not _agree(field, value, is_good=False)] == []


def _agree(field: Field, value: Any, *, is_good: bool) -> bool:
    try:
        field.take(value)
    except (TypeError, ValueError):
        return not is_good and not is_valid(dict(field.schema), value)
    return is_good and is_valid(dict(field.schema), value)


def _bodies(whole: dict[str, Any]) -> Iterator[Any]:
    for operations in whole["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                yield operation["requestBody"]["content"]["application/json"]["schema"]
