"""Who comes in at the door for browsers, by what, and for how long."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
from pathlib import Path

import pytest

from aios_app.services.context import Context
from tests.integration.api_fixtures import serving
from tests.integration.web_fixtures import Browser, Site, site
from web import pages, peers
from web.access import LOGIN_S, TICKET_S, Access

__all__ = ["site"]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Access:
    return Access(tmp_path / "access.json", clock)


def test_a_ticket_is_good_once(access: Access) -> None:
    ticket = access.ticket("/jobs")

    assert [access.take_ticket(ticket), access.take_ticket(ticket)] == ["/jobs", None]
    assert access.take_ticket("x") is None


def test_a_ticket_is_good_for_a_minute(access: Access, clock: Clock) -> None:
    ticket = access.ticket("/")
    clock.now += TICKET_S

    assert access.take_ticket(ticket) is None


def test_a_login_lasts_two_weeks_and_outlives_the_service(
    access: Access, clock: Clock, tmp_path: Path
) -> None:
    cookie = access.login()
    again = Access(tmp_path / "access.json", clock)

    assert again.find(cookie) == access.find(cookie) is not None
    clock.now += LOGIN_S
    assert again.find(cookie) is None


def test_nothing_that_is_kept_lets_anybody_in(access: Access, tmp_path: Path) -> None:
    drawn = [access.login(), access.share(7, 60)[0]]
    path = tmp_path / "access.json"
    text = path.read_text()
    kept = [one["key"] for grants in json.loads(text).values() for one in grants]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [secret for secret in drawn if secret in text]
    assert [access.find(key) for key in kept] == [None, None]
    assert [access.take_link(key) for key in kept] == [None, None]


def test_a_link_and_what_came_of_it_end_together(access: Access, clock: Clock) -> None:
    link, _ = access.share(7, 3600)
    clock.now += 3000
    taken = access.take_link(link)
    assert taken is not None
    found = access.find(taken[0])

    assert found is not None
    assert found.job == 7
    clock.now += 600
    assert access.find(taken[0]) is None
    assert access.take_link(link) is None


def test_revoking_ends_the_links_of_a_job_and_their_cookies_and_no_others(access: Access) -> None:
    link, other, login = access.share(7, 60)[0], access.share(8, 60)[0], access.login()
    taken, kept = access.take_link(link), access.take_link(other)
    assert taken is not None
    assert kept is not None

    assert access.revoke({7}) == (1, {taken[1].key})
    assert access.find(taken[0]) is None
    assert access.take_link(link) is None
    assert access.find(kept[0]) is not None
    assert access.revoke(()) == (1, {kept[1].key})
    assert access.find(login) is not None


def test_who_takes_a_link_many_times_logs_nobody_out(access: Access) -> None:
    login = access.login()
    link, _ = access.share(7, 60)
    cookies = [access.take_link(link) for _ in range(400)]

    assert access.find(login) is not None
    assert sum(found is not None and access.find(found[0]) is not None for found in cookies) == 200


@pytest.mark.parametrize("text", ["", "[]", '{"cookies": 3}', '{"cookies": [{"x": 1}], "links": []}'])
def test_a_file_that_is_none_of_ours_lets_nobody_in(tmp_path: Path, text: str) -> None:
    path = tmp_path / "access.json"
    path.write_text(text)
    access = Access(path)

    assert access.find(access.login()) is not None


def test_the_ticket_leads_to_its_page_and_leaves_the_address(site: Site) -> None:
    browser = site.browser(is_logged_in=False)
    answer = browser.log_in(site.api, "/terminal.html?session=x")
    cookie = answer.headers["Set-Cookie"]

    assert answer.headers["Refresh"] == "0; url=/terminal.html?session=x"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert cookie.startswith(f"aios-{browser.address[1]}=")
    assert browser.get("/api/v1/web/session").json == {"v": 1, "kind": "owner", "jobs": []}


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: 1", ""]
)
def test_a_ticket_leads_nowhere_else(site: Site, path: str) -> None:
    assert site.api("POST /web/ticket", {"path": path}).status == 400


def test_a_login_and_the_port_outlive_the_service(context: Context) -> None:
    with serving(context) as api:
        browser = Browser(api("GET /status")["web"]["url"])
        browser.log_in(api)
    with serving(context) as api:
        api("GET /status")
        assert browser.get("/api/v1/web/session").json["kind"] == "owner"


def test_who_logs_out_is_out_on_the_server_too(site: Site) -> None:
    browser = site.browser()
    kept = dict(browser.cookies)

    assert browser.post("/logout", {}).status == 200
    browser.cookies = kept
    assert browser.get("/api/v1/web/session").status == 401


def test_programs_come_in_by_the_token_and_so_does_the_login_page(context: Context) -> None:
    token = secrets.token_hex(32)
    context.catalog.set("web_token", token)

    with serving(context) as api:
        url = api("GET /status")["web"]["url"]
        program = Browser(url)
        bearer = {"Authorization": f"Bearer {token}"}
        listed = program.get("/api/v1/jobs", bearer)
        posted = program.send("POST", "/api/v1/jobs/find", b'{"refs": ["1"], "cwd": "/"}', bearer)
        wrong = program.get("/api/v1/jobs", {"Authorization": f"Bearer {token}x"})
        hashed = api("GET /config/web_token")["value"]
        by_hash = program.get("/api/v1/jobs", {"Authorization": f"Bearer {hashed}"})
        with program.socket("/api/v1/feed", {"Origin": None, **bearer}) as feed:
            hello = feed.message()
        person = Browser(url)
        logged_in = person.post("/login", {"token": token}), person.get("/api/v1/jobs")
        stranger = Browser(url).post("/login", {"token": token + "x"})

    assert (listed.status, posted.status, hello["type"]) == (200, 400, "hello")
    assert token not in hashed
    assert [wrong.status, by_hash.status, stranger.status] == [401, 401, 401]
    assert [answer.status for answer in logged_in] == [200, 200]


def test_a_token_that_could_be_guessed_is_refused_and_not_repeated(site: Site) -> None:
    answer = site.api("PUT /config/web_token", {"value": "hunter2"})

    assert answer.status == 400
    assert "hunter2" not in answer["error"]["message"]


def test_a_ticket_that_another_user_brings_is_worth_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = site.api("POST /web/ticket", {"path": "/"})["url"].removeprefix(site.url)
    port = site.browser().address[1]
    with monkeypatch.context() as patch:
        patch.setattr(pages, "is_of_another_user", lambda _, own_port: own_port == port)
        stranger = site.browser(is_logged_in=False).get(ticket)
    own = site.browser(is_logged_in=False).get(ticket)

    assert stranger.headers["Set-Cookie"] is None
    assert own.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("uid", "is_stranger"), [(os.getuid(), False), (0, False), (os.getuid() + 1, True), (65534, True)]
)
def test_whose_program_connects_is_asked_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, uid: int, is_stranger: bool
) -> None:
    table = tmp_path / "tcp"
    line = "   1: 0100007F:9C40 0100007F:1E01 01 00000000:00000000 00:00000000 00000000 {uid}  0 38 1"
    other = line.replace(":9C40", ":9C41").format(uid=4711)
    table.write_text(f"  sl  local_address rem_address\n{other}\n{line.format(uid=uid)}\n")
    monkeypatch.setattr(peers, "_TABLES", (table, tmp_path / "none"))

    assert peers.is_of_another_user(40000, 7681) is is_stranger
    assert peers.is_of_another_user(40002, 7681) is False


def test_a_connection_of_our_own_is_known_to_be_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as tcp:
            ends = {(local[-5:], remote[-5:]) for local, remote, _ in peers._connections()}

            assert (f":{tcp.getsockname()[1]:04X}", f":{port:04X}") in ends
            assert not peers.is_of_another_user(tcp.getsockname()[1], port)
