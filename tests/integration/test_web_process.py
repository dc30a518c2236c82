"""The service as a process of its own: its start, its socket, and its ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from aios_app.domain.errors import QueueError
from aios_app.services.context import Context
from aios_app.settings import Settings
from tests.conftest import CHECKOUT
from tests.integration.api_fixtures import Api
from tests.integration.web_fixtures import Browser
from tests.private_redis import RedisServer
from web import server
from web.door import Close


class Service:
    """``python -m web``."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web"],
            cwd=CHECKOUT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_line(self, part: str) -> str:
        """The first line of its log that holds ``part``; fails where it ends without."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if part in line:
                return line
        pytest.fail(f"the service never said {part!r}")

    def end(self, number: signal.Signals) -> int:
        """Its exit status after the signal."""
        self.process.send_signal(number)
        return self.process.wait(8)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


Start = Callable[[], Service]


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts a service; what still runs at the end of the test is killed."""
    started: list[Service] = []

    def run() -> Service:
        started.append(Service(environment))
        return started[-1]

    yield run
    for service in started:
        service.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_on_a_private_socket_until_a_signal_ends_it(
    context: Context, start: Start, number: signal.Signals
) -> None:
    path = context.settings.api_socket
    service = start()
    service.await_line("answers at")

    mode = stat.S_IMODE(path.stat().st_mode)
    pid = Api(path)("GET /status")["web"]["pid"]

    assert mode == 0o600
    assert pid == service.process.pid
    assert service.end(number) == 0
    assert not path.exists()


def test_the_socket_of_a_killed_service_is_replaced(context: Context, start: Start) -> None:
    service = start()
    service.await_line("answers at")
    service.end(signal.SIGKILL)
    assert context.settings.api_socket.exists()

    start().await_line("answers at")

    assert Api(context.settings.api_socket)("GET /status").status == 200


def test_a_second_service_is_refused_in_one_line_and_the_first_goes_on(
    context: Context, start: Start
) -> None:
    start().await_line("answers at")

    second = start()
    _, said = second.process.communicate(timeout=8)

    assert second.process.returncode == 1
    assert "another service answers" in said
    assert "Traceback" not in said
    assert Api(context.settings.api_socket)("GET /status").status == 200


def test_a_service_that_starts_before_redis_waits_for_it(
    settings: Settings, redis_server: RedisServer, start: Start
) -> None:
    redis_server.kill()
    service = start()
    service.await_line("Redis does not answer")
    redis_server.start()

    service.await_line("answers at")

    assert Api(settings.api_socket)("GET /jobs")["jobs"] == []


def test_a_stop_lets_streams_end_and_requests_have_their_answer(
    context: Context, start: Start, make_project: Callable[[str], Path]
) -> None:
    service, api = start(), Api(context.settings.api_socket)
    service.await_line("answers at")
    shop = make_project("shop")

    with closing(socket.create_server(("127.0.0.1", 0))) as remote, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{remote.getsockname()[1]}/shop.git"
        subprocess.run(["git", "remote", "set-url", "origin", url], cwd=shop, check=True)
        with api.events() as events:
            next(events)
            slow = pool.submit(api, "POST /projects", {"path": str(shop), "cwd": "/"})
            asked, _ = remote.accept()
            service.process.terminate()
            rest = list(events)
        remote.close()
        asked.close()
        answer = slow.result(8)

    assert rest == []
    assert answer["project"]["name"] == "shop"
    assert service.process.wait(8) == 0


def test_a_stop_lets_browsers_have_their_answer_too(
    context: Context, start: Start, make_project: Callable[[str], Path]
) -> None:
    service, api = start(), Api(context.settings.api_socket)
    service.await_line("answers at")
    shop = make_project("shop")
    browser = Browser(api("GET /status")["web"]["url"])
    browser.log_in(api)

    with closing(socket.create_server(("127.0.0.1", 0))) as remote, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{remote.getsockname()[1]}/shop.git"
        subprocess.run(["git", "remote", "set-url", "origin", url], cwd=shop, check=True)
        with browser.socket("/api/v1/feed") as feed:
            slow = pool.submit(browser.post, "/api/v1/projects", {"path": str(shop), "cwd": "/"})
            asked, _ = remote.accept()
            service.process.terminate()
            closed = feed.until_closed()
        remote.close()
        asked.close()
        answer = slow.result(8)

    assert closed.code == Close.GOING_AWAY
    assert answer.json["project"]["name"] == "shop"
    assert service.process.wait(8) == 0


def test_without_redis_the_service_gives_up_in_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_REDIS_S", 0.0)

    with pytest.raises(QueueError, match="Redis does not answer"):
        asyncio.run(server.serve(settings))
