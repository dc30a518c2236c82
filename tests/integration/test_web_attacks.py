"""What other pages, other names, other people and broken programs try at the door for browsers."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import struct
from collections.abc import Iterator, Mapping

import psutil
import pytest

from aios_app.services.context import Context
from tests.integration.api_fixtures import serving
from tests.integration.web_fixtures import BINARY, TEXT, Browser, Site, eventually, site
from web import door
from web.api import ENDPOINTS
from web.door import MAX_CONNECTIONS, MAX_MESSAGE_BYTES, Close

__all__ = ["site"]

#: Places that are not ours; PORT is that of the door.
STRANGERS = [
    "http://evil.example",
    "null",
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:PORT.evil.example",
    "http://127.0.0.1.evil.example:PORT",
    "http://evil.example:PORT",
    "https://127.0.0.1:PORT",
    "http://localhost:PORT",  # ours too, but not where the request went
    "file://",
]
HOSTS = [
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1:PORT.evil.example",
    "127.0.0.1.evil.example:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "0.0.0.0:PORT",
    "",
    "user@127.0.0.1:PORT",
]
POSTS = [line.split(" ") for line in ENDPOINTS if not line.startswith("GET")]


def at(site: Site, text: str) -> str:
    return text.replace("PORT", str(site.browser(is_logged_in=False).address[1]))


@pytest.mark.parametrize("path", ["/attach/NAME", "/api/v1/feed"])
@pytest.mark.parametrize("origin", [*STRANGERS, None])
def test_a_socket_is_opened_for_pages_of_ours_alone(site: Site, origin: str | None, path: str) -> None:
    browser = site.browser()
    job = site.job("cat")
    own = browser.connect(path.replace("NAME", job.name))
    refused = browser.connect(
        path.replace("NAME", job.name), {"Origin": origin if origin is None else at(site, origin)}
    )

    assert (own.status, refused.status) == (101, 403)
    own.close()
    refused.close()


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_was_made_to_lead_here_is_refused(site: Site, host: str) -> None:
    """DNS rebinding: host and origin are the same, and the browser sends its cookies."""
    browser = site.browser()
    strange = {"Host": at(site, host), "Origin": f"http://{at(site, host)}"}

    answers = [
        browser.get(path, strange) for path in ("/", "/login", "/api/v1/jobs", "/static/x", "/nothing")
    ]
    opened = browser.connect("/api/v1/feed", strange)

    assert {answer.status for answer in answers} <= {400, 403}
    assert opened.status in {400, 403}
    opened.close()


def test_without_a_login_nothing_but_the_login_is_answered(site: Site) -> None:
    stranger = site.browser(is_logged_in=False)
    for path in ("/attach/x", "/api/v1/feed"):
        opened = stranger.connect(path)
        assert opened.status == 401
        opened.close()
    for line in ENDPOINTS:
        method, path = line.split(" ")
        answer = stranger.send(method, f"/api/v1{path}", b"{}", own_page(stranger))
        assert answer.status == 401, line
    for path in ("/api/v1/web/session", "/api/v1/web/shares"):
        assert stranger.get(path).status in {401, 404}
    assert stranger.post("/logout", {}).status == 401


@pytest.mark.parametrize(("method", "path"), POSTS)
def test_no_page_of_another_place_changes_anything(site: Site, method: str, path: str) -> None:
    browser = site.browser()
    ours = own_page(browser)
    forged: list[Mapping[str, str | None]] = [
        {**ours, "Origin": "http://localhost:3000"},
        {**ours, "Origin": None},
        {**ours, "Content-Type": "text/plain"},
        {**ours, "Content-Type": "application/x-www-form-urlencoded"},
        {**ours, "Content-Type": None},
        {**ours, "X-AIOS": None},
        {**ours, "Sec-Fetch-Site": "same-site"},
    ]
    answers = [browser.send(method, f"/api/v1{path}", b"{}", headers) for headers in forged]

    assert [answer.status for answer in answers] == [403] * len(forged)


@pytest.mark.parametrize(
    "path", ["/logout", "/login", "/share", "/api/v1/web/shares", "/api/v1/web/shares/revoke"]
)
def test_no_page_of_another_place_logs_in_or_out_or_gives_links(site: Site, path: str) -> None:
    browser = site.browser()

    assert browser.post(path, {}, {"Origin": "http://localhost:3000"}).status == 403
    assert browser.post(path, {}, {"X-AIOS": None}).status == 403
    assert browser.get("/api/v1/web/session").status == 200


def test_no_page_of_another_place_reads_anything(site: Site) -> None:
    """A script of another port sends our cookies along: the browser says where it comes from."""
    browser = site.browser()

    assert browser.get("/api/v1/jobs", {"Sec-Fetch-Site": "same-site"}).status == 403
    assert browser.get("/api/v1/web/session", {"Sec-Fetch-Site": "cross-site"}).status == 403
    headers = browser.get("/api/v1/jobs").headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_no_page_says_which_programs_and_agents_git_is_to_ask(site: Site) -> None:
    """What a terminal's environment names may run programs."""
    environment = {"SSH_AUTH_SOCK": "/tmp/theirs"}
    answer = site.browser().post("/api/v1/checkout/push", {"cwd": "/", "environment": environment})

    assert answer.status == 400
    assert "environment is of a terminal" in answer.json["error"]["message"]


def test_tickets_are_not_given_to_browsers(site: Site) -> None:
    assert site.browser().post("/api/v1/web/ticket", {"path": "/"}).status == 404


def test_a_ticket_that_was_used_is_worth_nothing(site: Site) -> None:
    url = site.api("POST /web/ticket", {"path": "/"})["url"]
    path = url.removeprefix(site.url)
    first, second = site.browser(is_logged_in=False), site.browser(is_logged_in=False)

    assert first.get(path).headers["Set-Cookie"]
    assert second.get(path).headers["Set-Cookie"] is None
    assert second.get("/api/v1/jobs").status == 401


@pytest.mark.parametrize(
    "change", [lambda v: v[:-1], lambda v: v + "A", lambda v: v.swapcase(), lambda _: ""]
)
def test_a_cookie_that_was_changed_is_worth_nothing(site: Site, change: object) -> None:
    browser = site.browser()
    assert callable(change)
    browser.cookies = {name: change(value) for name, value in browser.cookies.items()}

    assert browser.get("/api/v1/jobs").status == 401
    with browser.connect("/api/v1/feed") as refused_socket:
        assert refused_socket.status == 401


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "$(touch%20PWNED)",
        "x;touch%20PWNED",
        "`touch%20PWNED`",
        "-t",
        "%00",
        "a" * 65,
        "",
        "x%0a",
        "=x",
        "x:0.0",
        "x%20y",
    ],
)
def test_what_is_no_name_of_a_session_is_not_there(site: Site, name: str) -> None:
    job = site.job("cat")
    browser = site.browser()
    opened = browser.connect(f"/attach/{name}")

    if opened.status == 101:  # a name like any other, of no session
        assert name == "-t"
        assert opened.until_closed().code == Close.NOTHING_THERE
    else:
        assert opened.status == 404
    opened.close()
    assert site.clients(job) == []


@pytest.mark.parametrize(
    "path",
    [
        *("../door.py", "..%2fdoor.py", "%2e%2e/door.py", "/etc/passwd", "%2fetc%2fpasswd"),
        *("../../SECURITY.md", "..", ".", "%00", "a" * 5000),
    ],
)
def test_files_beside_the_front_end_are_not_served(site: Site, path: str) -> None:
    assert site.browser().get(f"/static/{path}").status in {403, 404}


def test_a_huge_frame_is_refused_before_it_is_read(site: Site) -> None:
    job = site.job("cat")

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.message()
        terminal.tcp.sendall(struct.pack("!BBQ", 0x80 | BINARY, 0x80 | 127, 100 * 1024 * 1024))
        assert terminal.until_closed().code == 1009


def test_a_huge_message_of_many_frames_is_refused_too(site: Site) -> None:
    job = site.job("cat")
    part = MAX_MESSAGE_BYTES // 4

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.message()
        with contextlib.suppress(OSError):
            for n in range(8):
                head = struct.pack("!BBQ", BINARY if n == 0 else 0, 0x80 | 127, part)
                terminal.tcp.sendall(head + b"\0\0\0\0" + b"x" * part)
        assert terminal.until_closed().code in {1006, 1009}


@pytest.mark.parametrize("path", ["/attach/SESSION", "/api/v1/feed"])
def test_who_sends_pings_and_reads_no_answer_costs_no_memory(site: Site, path: str) -> None:
    job = site.job("cat")
    pings = (b"\x89\xfd\0\0\0\0" + bytes(125)) * 1000

    with site.browser().socket(path.replace("SESSION", job.name)) as asked:
        asked.message()
        before = psutil.Process().memory_info().rss
        asked.tcp.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(300):
                asked.tcp.sendall(pings)
        grown = psutil.Process().memory_info().rss - before

    assert grown < 10_000_000


def test_text_that_is_none_ends_the_socket_without_a_trace_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    job = site.job("cat")

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.message()
        terminal.send(TEXT, b"\xff\xfe")
        assert terminal.until_closed().code == 1007
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_huge_body_is_refused(site: Site) -> None:
    browser = site.browser()
    with socket.create_connection(browser.address, 8) as tcp:
        head = f"POST /login HTTP/1.1\r\nHost: {browser.host}\r\nContent-Length: 100000000\r\n\r\n"
        tcp.sendall(head.encode())
        answer = tcp.recv(4096)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")) or not answer


def test_a_thousand_connections_leave_room_for_none_and_the_service_answers_on(site: Site) -> None:
    browser = site.browser()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    opened: list[socket.socket] = []
    try:
        for _ in range(1000):
            opened.append(socket.create_connection(browser.address, 8))
        assert site.api("GET /status").status == 200
        eventually(lambda: len(list(refused(opened))) >= 1000 - MAX_CONNECTIONS, "those beyond the limit")
        assert len(list(refused(opened))) <= 1001 - MAX_CONNECTIONS
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: answers(browser), "there is room again")


def refused(connections: list[socket.socket]) -> Iterator[socket.socket]:
    for one in connections:
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            try:
                if one.recv(1) == b"":
                    yield one
            except ConnectionError:
                yield one


def answers(browser: Browser) -> bool:
    try:
        return browser.get("/api/v1/jobs").status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "head",
    [b"", b"GET / HTTP/1.1\r\nX-Slow: ", b"POST /login HTTP/1.1\r\nHost: HOST\r\nContent-Length: 9\r\n\r\n{"],
)
def test_who_never_ends_a_request_is_cut_off(
    context: Context, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(door, "_IDLE_S", 0.3)
    with serving(context) as api:
        browser = Browser(api("GET /status")["web"]["url"])
        with socket.create_connection(browser.address, 5) as tcp:
            tcp.sendall(head.replace(b"HOST", browser.host.encode()))
            assert tcp.recv(1) == b""


def test_pages_may_not_be_framed_and_run_no_script_of_others(site: Site) -> None:
    for path in ("/", "/login", "/nothing", "/api/v1/jobs", "/static/nothing.js"):
        headers = site.browser().get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; " in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy.partition("style-src")[0]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Tornado" not in str(headers)


def test_secrets_are_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    job = site.job("cat")
    link = site.api("POST /web/shares", {"ref": str(job.number), "cwd": "/", "lasts": "1h"})["url"]
    ticket = site.api("POST /web/ticket", {"path": "/"})["url"]
    browser = site.browser(is_logged_in=False)
    browser.get(ticket.removeprefix(site.url))
    browser.get(ticket.removeprefix(site.url))
    site.browser(is_logged_in=False).post("/share", {"token": link.partition("#")[2]})
    with browser.socket(f"/attach/{job.name}") as terminal:
        terminal.message()

    said = caplog.text
    secrets = [ticket.partition("ticket=")[2], link.partition("#")[2], *browser.cookies.values()]
    assert "/login" in said
    assert [secret for secret in secrets if secret in said] == []


def own_page(browser: Browser) -> dict[str, str]:
    return {"Origin": browser.url, "Content-Type": "application/json", "X-AIOS": "1"}
