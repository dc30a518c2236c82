"""``attach --web`` and ``share``, against a stand-in for the service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, StandIn, job, serving

URL = "http://127.0.0.1:7681/login?ticket=abc"
LINK = "http://127.0.0.1:7681/share.html#abc"
#: No display of the person who runs the tests is used.
NOWHERE = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "SSH_CONNECTION": "", "SSH_TTY": ""}


@pytest.fixture
def person(environment: dict[str, str], short_path: Path) -> Person:
    return Person(short_path / "home", environment | NOWHERE)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        stand_in.answers["POST /jobs/find"] = {"v": 1, "now_ms": NOW_MS, "jobs": [job(7)]}
        stand_in.answers["POST /web/ticket"] = {"v": 1, "url": URL, "expires_ms": NOW_MS}
        stand_in.answers["POST /web/shares"] = {"v": 1, "url": LINK, "job": job(7), "expires_ms": NOW_MS}
        stand_in.answers["POST /web/shares/revoke"] = {"v": 1, "revoked": 1}
        yield stand_in


def test_the_browser_of_the_person_is_opened_with_a_ticket(
    person: Person, service: StandIn, short_path: Path
) -> None:
    os.mkfifo(short_path / "opened")
    browser = short_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >{short_path}/opened\n')
    browser.chmod(0o755)

    done = person.types("attach", "7", "--web", DISPLAY=":9", BROWSER=f"{browser} --new")

    assert (short_path / "opened").read_text() == f"--new {URL}\n"
    assert (done.code, done.out) == (0, "")
    name = job(7)["name"]
    assert service.body_of("POST /web/ticket") == {"path": f"/terminal.html?session={name}"}


def test_without_a_display_the_address_is_printed(person: Person, service: StandIn) -> None:
    done = person.types("attach", "7", "--web", "--read-only", BROWSER="false")

    assert (done.code, done.out) == (0, f"{URL}\n")
    assert "within a minute" in done.err
    assert "ssh" not in done.err
    assert service.body_of("POST /web/ticket")["path"].endswith("&read_only=1")


def test_over_ssh_no_browser_is_opened_there(person: Person, service: StandIn) -> None:
    done = person.types("attach", "7", "--web", DISPLAY=":9", BROWSER="true", SSH_CONNECTION="1 2 3 4")

    assert done.out == f"{URL}\n"
    assert "ssh -L 7681:127.0.0.1:7681" in done.err


def test_a_link_is_printed_alone_and_who_it_is_for_is_said(person: Person, service: StandIn) -> None:
    done = person.types("share", "7", "--for", "2h")

    assert (done.code, done.out) == (0, f"{LINK}\n")
    assert "aios share 7 --revoke" in done.err
    assert "this machine alone" in done.err
    assert service.body_of("POST /web/shares")["lasts"] == "2h"


def test_links_are_ended_of_a_job_or_all(person: Person, service: StandIn) -> None:
    one, every = person.types("share", "7", "--revoke"), person.types("share", "--revoke")

    assert (one.out, every.code) == ("1 link ended\n", 0)
    assert [body["refs"] for name, body in service.requests if name.endswith("revoke")] == [["7"], []]


def test_a_link_is_to_one_job(person: Person, service: StandIn) -> None:
    assert [person.types("share").code, person.types("share", "7", "8").code] == [2, 2]
