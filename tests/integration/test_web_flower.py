"""Flower behind the login: it comes when it is asked for, does nothing but show, and goes."""

from __future__ import annotations

import base64
import hashlib
import re

import psutil
import pytest

from aios_app.services.context import Context
from aios_app.stack.processes import Record
from tests.integration.api_fixtures import serving
from tests.integration.web_fixtures import Browser, Site, eventually, site
from web import flower

__all__ = ["site"]
pytestmark = pytest.mark.timeout(40)


def process_of(site: Site) -> psutil.Process:
    record = Record.read(site.context.settings.run_dir, "flower")
    assert record is not None
    assert record.process.is_alive
    return psutil.Process(record.process.pid)


def test_only_the_person_sees_it_and_nobody_starts_it_otherwise(site: Site) -> None:
    stranger = site.browser(is_logged_in=False)
    link = site.api("POST /web/shares", {"ref": str(site.shell().number), "cwd": "/", "lasts": "1h"})
    guest = site.browser(is_logged_in=False)
    guest.post("/share", {"token": link["url"].partition("#")[2]})

    for path in ("/flower/", "/flower"):
        assert [stranger.get(path).status, guest.get(path).status] == [401, 403]
    assert not site.context.settings.flower_socket.exists()


def test_its_pages_are_shown_and_their_one_script_is_let_run(site: Site) -> None:
    browser = site.browser()
    page = browser.get("/flower/workers")
    styles = browser.get(re.findall(r'href="(/flower/static/css/[^"]+)"', page.body.decode())[0])
    rows = browser.get("/flower/workers?json=1")
    asked = "draw=1&start=0&length=10&search%5Bvalue%5D=&order%5B0%5D%5Bcolumn%5D=0&order%5B0%5D%5Bdir%5D=asc"
    columns = "&columns%5B0%5D%5Bdata%5D=name"
    table = browser.send(
        "POST", "/flower/tasks/datatable", f"{asked}{columns}".encode(), {"Origin": browser.url}
    )

    scripts = re.findall(r"<script[^>]*>([^<]+)</script>", page.body.decode())
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    policy = page.headers["Content-Security-Policy"]
    assert [page.status, browser.get("/flower").status] == [200, 200]
    assert len(hashes) == 1
    assert f"script-src 'self' 'sha256-{hashes[0]}';" in policy
    assert styles.headers["Content-Type"].startswith("text/css")
    assert (rows.status, table.json["data"]) == (200, [])


def test_it_does_nothing_to_tasks_and_workers(site: Site) -> None:
    browser = site.browser()
    own = {"Origin": browser.url, "Content-Type": "application/json", "X-AIOS": "1"}

    for path in ("api/task/revoke/x", "api/worker/shutdown/x", "api/task/send-task/agent_spawn"):
        assert browser.send("POST", f"/flower/{path}", b"{}", own).status == 405
    foreign = {"Origin": "http://localhost:3000"}
    assert browser.send("POST", "/flower/tasks/datatable", b"", foreign).status == 403


def test_the_address_of_redis_is_not_in_the_list_of_processes(site: Site) -> None:
    site.browser().get("/flower/")

    assert "redis" not in " ".join(process_of(site).cmdline()).replace(
        str(site.context.settings.data_dir), ""
    )


def test_it_ends_when_nobody_asks_and_comes_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.browser()
    monkeypatch.setattr(flower, "IDLE_S", 0.2)
    browser.get("/flower/")
    process = process_of(site)
    eventually(lambda: not process.is_running(), "it has ended")
    monkeypatch.undo()

    assert browser.get("/flower/").status == 200
    assert process_of(site).pid != process.pid


def test_it_ends_with_the_service(context: Context) -> None:
    settings = context.settings
    with serving(context) as api:
        browser = Browser(api("GET /status")["web"]["url"])
        browser.log_in(api)
        browser.get("/flower/")
        record = Record.read(settings.run_dir, "flower")
    assert record is not None
    assert not record.process.is_alive
    assert record.argv[-1] == "--url_prefix=flower"
