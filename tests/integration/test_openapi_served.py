"""The OpenAPI document as the service gives it, at both of its ends; and what it says of unknown fields."""

from __future__ import annotations

import re

import pytest

from tests.integration.documented import all_endpoints
from tests.integration.web_fixtures import Site, site
from web.openapi import document

__all__ = ["site"]

_PATH = "/api/v1/openapi.json"


def test_the_socket_tells_of_all_that_is_asked_there(site: Site) -> None:
    assert site.api.send("GET", _PATH, None) == document(all_endpoints(), "GET /events", "GET /openapi.json")


def test_the_door_tells_the_person_of_what_browsers_may_ask(site: Site) -> None:
    told = site.browser().get(_PATH)

    assert told.status == 200
    assert "/web/session" in told.json["paths"]
    assert not {"/web/ticket", "/events"} & told.json["paths"].keys()


def test_the_door_tells_nobody_else(site: Site) -> None:
    assert site.browser(is_logged_in=False).get(_PATH).status == 401


@pytest.mark.parametrize("line", all_endpoints())
def test_a_field_that_a_request_does_not_have_is_refused_by_its_name(site: Site, line: str) -> None:
    answer = site.api(re.sub(r"{\w+}", "1", line), {"nonsense": 1})

    assert (answer.status, "'nonsense'" in answer["error"]["message"]) == (400, True)


@pytest.mark.parametrize("line", [line for line, one in all_endpoints().items() if not one.body])
def test_so_is_one_in_its_query(site: Site, line: str) -> None:
    answer = site.api(re.sub(r"{\w+}", "1", line), None, nonsense="1")

    assert (answer.status, "'nonsense'" in answer["error"]["message"]) == (400, True)
