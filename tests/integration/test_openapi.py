"""The service as a process is asked what its document allows, and what it forbids: its answers keep to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests import Session
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from aios_app.agents import DEMO_AGENT
from aios_app.domain.models import JobState
from aios_app.services.config import set_setting
from aios_app.services.context import Context, build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from tests.conftest import environment_in, new_project
from tests.integration.documented import all_endpoints, closed
from tests.integration.landing_jobs import worked
from tests.integration.service_fixtures import claimed, started
from tests.integration.test_web_process import Service
from tests.private_redis import RedisServer
from web.openapi import document
from web.schema import DIGITS

#: Of one kind of request so many that keep to the document, and as many that break it.
EXAMPLES = 6


def no_error_of_ours(context: Any, answer: schemathesis.Response, case: Case[Any]) -> bool | None:
    """A server's error is none that git has: it has its own opinion of who may commit."""
    if answer.status_code == 502 and answer.json()["error"]["kind"] == "external":
        return None
    return not_a_server_error(context, answer, case)


CHECKS: list[Any] = [
    no_error_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
#: What is done in the instance below. Half of the examples are these with one field as it was generated,
#: as nearly all that hypothesis makes up alone is refused early.
SENSIBLE: dict[str, dict[str, Any]] = {
    "POST /projects": {"path": "../blog"},
    "DELETE /projects/{ref}": {"ref": "blog"},
    "PUT /projects/{ref}/tags": {"ref": "shop", "add": ["web"]},
    "POST /scan": {"path": "."},
    "PUT /agents/{key}": {"key": "z", "name": "zed", "argv": ["zed"]},
    "DELETE /agents/{key}": {"key": "z"},
    "GET /config/{key}": {"key": "fetch_timeout"},
    "PUT /config/{key}": {"key": "fetch_timeout", "value": "30s"},
    "POST /runs": {"source": "multi", "words": ["shop", "d:2", "fix it"], "is_confirmed": True},
    "GET /jobs": {"run": 1},
    "POST /machines/resume": {"name": os.uname().nodename},
    "POST /jobs/find": {"refs": ["1", "r1"]},
    "POST /jobs/stop": {"refs": ["5"]},
    "POST /jobs/retry": {"refs": ["5", "6"]},
    "POST /jobs/open": {"agent": "d", "words": ["shop", "fix it"], "is_dry_run": True},
    "POST /jobs/send": {"refs": ["1", "5"], "text": "go on"},
    "POST /jobs/resume": {"refs": ["5"]},
    "POST /jobs/compare": {"refs": ["1", "2"]},
    "POST /jobs/diff": {"refs": ["1", "2"]},
    "POST /jobs/seen": {"refs": ["1"]},
    "POST /jobs/screens": {"refs": ["1", "4"]},
    "GET /jobs/{number}/events": {"number": 1},
    "POST /jobs/land": {"refs": ["1"], "environment": {}},
    "POST /jobs/pick": {"ref": "2", "environment": {}},
    "POST /jobs/drop": {"refs": ["3"]},
    "GET /jobs/{number}/landing": {"number": 1},
    "POST /cleanup": {},
    "POST /checkout/push": {"environment": {}},
    "POST /checkout/pull": {"environment": {}},
    "POST /checkout/revert": {"environment": {}, "count": 1},
    "POST /checkout/setup": {"environment": {}},
    "POST /web/ticket": {"path": "/terminal.html"},
    "POST /web/shares": {"ref": "1", "lasts": "1h"},
    "POST /web/shares/revoke": {"refs": []},
}
_DOCUMENT, _EVENTS = "GET /openapi.json", "GET /events"
ENDPOINTS = all_endpoints()
SCHEMA = schemathesis.openapi.from_dict(closed(document(ENDPOINTS, _DOCUMENT)))
OPERATIONS: dict[str, Any] = {
    f"{one.method.upper()} {one.path}": one
    for one in (found.ok() for found in SCHEMA.get_all_operations())  # type: ignore[union-attr]
}


class Box:
    """A service over projects, agents and jobs of some kinds; no worker takes its tasks."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.shop = root / "code" / "shop"
        self.log: list[str] = []
        self.session = Session()
        self.session.mount("http://", _Adapter(settings.api_socket))

    def send(self, case: Case[Any]) -> schemathesis.Response:
        return case.call("http://localhost/api/v1", self.session, timeout=8)


class _Adapter(HTTPAdapter):
    """Carries requests over a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        pool = HTTPConnectionPool("localhost")
        pool.ConnectionCls = lambda *_, **__: _Connection(self._path)  # type: ignore[assignment]
        return pool


class _Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__("localhost")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(8)
        self.sock.connect(os.fspath(self._path))


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with ExitStack() as ends:
        root = Path(tempfile.mkdtemp(prefix="aios-t-", dir="/tmp"))
        ends.callback(shutil.rmtree, root)
        environment = environment_in(root)
        settings = load(environment)
        for directory in (settings.data_dir, settings.run_dir, settings.spool_dir):
            directory.mkdir(mode=0o700)
        redis = RedisServer(settings)
        ends.callback(redis.kill)
        redis.start()
        new_project(root, environment, "blog")
        with pytest.MonkeyPatch.context() as patch, closing(build_context(settings)) as context:
            for name, value in environment.items():
                patch.setenv(name, value)
            _fill(context, new_project(root, environment, "shop"))
        service = Service(environment)
        ends.callback(service.close)
        service.await_line("answers at")
        box = Box(root, settings)
        ends.callback(box.session.close)
        reader = Thread(target=lambda: box.log.extend(service.process.stderr or ()))
        reader.start()
        ends.callback(reader.join)
        yield box
        assert service.end(signal.SIGTERM) == 0


def _fill(context: Context, shop: Path) -> None:
    """Jobs 1 to 3 are in review, 4 holds the one slot for good, 5 and 6 have failed, 7 waits."""
    ensure_ledger(context)
    context.catalog.put_agent(replace(DEMO_AGENT, weight=1))
    context.catalog.add_project(shop)
    worked(context, shop, "a.txt", count=3)
    set_setting(context, key="max_agents", value="3")
    started(context, "shop", "d:4", "fix it")
    for job in claimed(context):
        state = JobState.RUNNING if job.number == 4 else JobState.FAILED
        context.ledger.move(job.attempt, {JobState.PREPARING}, state, ends=state is JobState.FAILED)
    set_setting(context, key="max_agents", value="1")


def _kinds() -> Iterator[tuple[str, GenerationMode]]:
    """Every request as it may be, and as it may not be where something of it can be wrong."""
    for line in OPERATIONS:
        yield line, GenerationMode.POSITIVE
        endpoint = ENDPOINTS.get(line)
        if endpoint and (endpoint.body or endpoint.query or DIGITS in endpoint.path.values()):
            yield line, GenerationMode.NEGATIVE


def _make_sensible(case: Case[Any], line: str, choose: Callable[[list[str]], str]) -> None:
    """All fields are sensible but the one that ``choose`` chooses."""
    wanted, endpoint = SENSIBLE[line], ENDPOINTS[line]
    for place in ("path", "query", "body"):
        known = getattr(endpoint, place).keys()
        name = "path_parameters" if place == "path" else place
        generated = getattr(case, name)
        if known and isinstance(generated, dict):
            made_up = choose(["", *sorted(generated)])
            kept = {one: generated[one] for one in generated.keys() & {made_up, "cwd"}}
            setattr(case, name, kept | {one: wanted[one] for one in wanted.keys() & known if one != made_up})


def _keep_in(case: Case[Any], box: Box) -> None:
    """No directory but those of the box, and git is found; what is refused for what it holds stays so."""
    for fields in (case.body, case.query):
        if isinstance(fields, dict) and _is_text(fields.get("cwd"), "/"):
            fields["cwd"] = str(box.shop)
            if _is_text(fields.get("path")) and fields["path"] != ".":
                fields["path"] = "../blog"
            if isinstance(environment := fields.get("environment"), dict):
                environment.pop("PATH", None)


def _is_text(value: object, start: str = "") -> bool:
    return isinstance(value, str) and value.startswith(start) and "\0" not in value


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("line", "mode"), list(_kinds()), ids=str)
def test_whatever_is_asked_is_answered_as_the_document_says(
    box: Box, line: str, mode: GenerationMode
) -> None:
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[line].as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Case[Any], data: st.DataObject) -> None:
        if mode.is_positive and line in SENSIBLE and not statuses:
            _make_sensible(case, line, lambda _: "")
        elif mode.is_positive and line in SENSIBLE and data.draw(st.booleans()):
            _make_sensible(case, line, lambda names: data.draw(st.sampled_from(names)))
        _keep_in(case, box)
        answer = box.send(case)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()

    assert mode.is_negative or line not in SENSIBLE or {200, 201} & statuses
