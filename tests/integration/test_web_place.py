"""Where the service listens for browsers: ports and their holders, other machines, TLS."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import StackError
from aios_app.services.context import Context
from aios_app.stack.doctor import checks
from tests.integration.api_fixtures import serving
from tests.integration.web_fixtures import PROMPT, Browser, certificate, open_site
from web.place import DEFAULT_PORT, Place, listen

__all__ = ["certificate"]


def place_of(context: Context) -> Place:
    place, sockets = listen(context)
    for one in sockets:
        one.close()
    return place


def test_this_machine_alone_is_listened_to_on_a_port_that_is_kept(context: Context) -> None:
    with serving(context) as api:
        url = api("GET /status")["web"]["url"]
    with serving(context) as api:
        again = api("GET /status")["web"]["url"]

    assert url.startswith("http://127.0.0.1:")
    assert again == url


def test_the_usual_data_directory_has_the_usual_port(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr("web.place.DEFAULT_PORT", port)
    usual = replace(context, settings=replace(context.settings, is_default=True))

    assert DEFAULT_PORT == 7681
    assert place_of(usual).port == port


def test_a_port_that_is_taken_is_named_with_its_holder_and_the_rest_goes_on(context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        context.catalog.set("web_port", str(port))
        with serving(context) as api:
            status = api("GET /status")
            found = {check.name: check for check in checks(context.settings)}["browsers"]
            ticket = api("POST /web/ticket", {"path": "/"})
            holder.close()
            later = api("POST /web/ticket", {"path": "/"})

    assert (found.ok, found.says) == (False, status["web"]["problem"])
    assert f"port {port} is taken by " in status["web"]["problem"]
    assert f"pid {os.getpid()}" in status["web"]["problem"]
    assert f"aios config web_port {port + 1}" in status["web"]["problem"]
    assert (ticket.status, later.status) == (502, 200)
    assert ticket["error"]["message"] == status["web"]["problem"]


@pytest.mark.parametrize("set_too", [[], ["web_token"], ["web_cert", "web_key"]])
def test_other_machines_are_not_let_in_without_tls_and_token(
    context: Context, certificate: tuple[Path, Path], set_too: list[str]
) -> None:
    values = {
        "web_cert": str(certificate[0]), "web_key": str(certificate[1]), "web_token": secrets.token_hex(32)
    }  # fmt: skip
    context.catalog.set("web_address", "0.0.0.0")  # noqa: S104 - it is to be refused
    for key in set_too:
        context.catalog.set(key, values[key])

    with pytest.raises(StackError, match="web_cert, web_key and web_token"):
        place_of(context)
    for key, value in values.items():
        context.catalog.set(key, value)
    place = place_of(context)
    assert place.url == f"https://{socket.gethostname()}:{place.port}"
    assert not place.is_local


def test_with_a_certificate_it_is_tls_and_the_cookie_never_travels_without(
    context: Context, certificate: tuple[Path, Path]
) -> None:
    context.catalog.set("web_cert", str(certificate[0]))
    context.catalog.set("web_key", str(certificate[1]))
    trusting = ssl.create_default_context(cafile=str(certificate[0]))

    with serving(context) as api:
        browser = Browser(api("GET /status")["web"]["url"], tls=trusting)
        cookie = browser.log_in(api).headers["Set-Cookie"]
        seen = browser.get("/api/v1/jobs").status
        stranger = browser.get("/api/v1/jobs", {"Cookie": None}).status

    assert cookie.startswith(f"__Host-aios-{browser.address[1]}=")
    assert "; Secure" in cookie
    assert (seen, stranger) == (200, 401)


def test_a_terminal_works_by_tls_too(short_path: Path, certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    settings = {"web_cert": str(certificate[0]), "web_key": str(certificate[1])}

    with open_site(short_path, settings) as site:
        job = site.shell()
        browser = Browser(site.url, tls=trusting)
        browser.log_in(site.api)
        with browser.socket(f"/attach/{job.name}") as terminal:
            terminal.until(PROMPT)
            terminal.type("echo $((6*7))x\n")
            terminal.until("42x")


def test_a_certificate_that_cannot_be_used_is_named(context: Context, tmp_path: Path) -> None:
    context.catalog.set("web_cert", str(tmp_path / "none.pem"))

    with pytest.raises(StackError, match="web_cert and web_key cannot be used"):
        place_of(context)


def test_an_address_that_is_none_is_named(context: Context) -> None:
    context.catalog.set("web_address", "no.such.host.invalid")

    with pytest.raises(StackError, match=r"web_address: no\.such\.host\.invalid"):
        place_of(context)


def test_further_names_are_let_in_letter_by_letter(context: Context) -> None:
    context.catalog.set("web_hosts", "aios.test box")

    with serving(context) as api:
        browser = Browser(api("GET /status")["web"]["url"])
        port = browser.address[1]
        browser.log_in(api)
        statuses = [
            browser.get("/api/v1/jobs", {"Host": f"{name}:{port}"}).status
            for name in ("aios.test", "box", "127.0.0.1", "localhost", "[::1]", "test", "xbox", "box.evil")
        ]

    assert statuses == [200] * 5 + [403] * 3


def test_a_container_is_reached_at_the_port_of_its_host_that_it_is_published_at(context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    everywhere = "0.0.0.0"  # noqa: S104 - what is wanted
    for key, value in {"web_address": everywhere, "web_port": str(port), "web_published": "17681"}.items():
        context.catalog.set(key, value)

    place, sockets = listen(context)
    addresses = [one.getsockname() for one in sockets]
    for one in sockets:
        one.close()
    assert addresses == [(everywhere, port)]
    assert (place.url, place.is_local, place.tls) == ("http://127.0.0.1:17681", True, None)
    assert place.hosts == {"127.0.0.1:17681", "localhost:17681", "[::1]:17681"}
