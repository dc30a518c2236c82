"""Two machines of one cluster: two data directories, one Redis, a service with its node on each."""

from __future__ import annotations

import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from aios_app.services.context import build_context
from aios_app.services.reconcile import ensure_ledger
from aios_app.settings import Settings, load
from aios_app.stack.address import redis_py_url
from tests.conftest import environment_in, new_project
from tests.integration.api_fixtures import serving
from tests.integration.web_fixtures import WAIT_S, Browser, Site
from tests.private_redis import RedisServer

LISTEN = "127.0.0.1"


@dataclass(frozen=True)
class Cluster:
    """``near`` is the machine that is asked, ``far`` the other one."""

    near: Site
    far: Site

    def known_as(self, site: Site) -> tuple[str, int, str]:
        """Address, port and certificate of the machine's node, as the ledger has them."""
        known = self.near.context.ledger.registry.find(site.context.machine)
        assert known is not None
        return known.address, known.port, known.certificate

    def register(self, site: Site, **values: str | int) -> None:
        """The ledger says this of the machine from now on."""
        self.near.context.ledger.registry.write(site.context.machine, **values)

    def stranger(self) -> Browser:
        """Somebody who knows where the far node is, and speaks TLS to it."""
        address, port, certificate = self.known_as(self.far)
        return Browser(f"https://{address}:{port}", tls=trusting(certificate))


def trusting(certificate: str) -> ssl.SSLContext:
    """What takes this certificate whatever names stand in it."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.load_verify_locations(cadata=certificate)
    return tls


@contextmanager
def open_machine(
    directory: Path, name: str, environment: Mapping[str, str], redis: RedisServer | None = None
) -> Iterator[Site]:
    """A machine in this directory, with ``code/shop``; without a Redis it has one of its own."""
    own = {**environment_in(directory), "AIOS_LISTEN": LISTEN, **environment}
    settings = load(own)
    for made in (settings.data_dir, settings.run_dir, settings.spool_dir, settings.logs_dir):
        made.mkdir(mode=0o700)
    with contextlib.ExitStack() as stack:
        redis = redis or stack.enter_context(_redis(settings))
        context = stack.enter_context(contextlib.closing(build_context(settings)))
        ensure_ledger(context)
        context.catalog.set("machine_name", name)
        context.ledger.registry.write(context.machine, name=name, max_agents=9)
        kill = ["tmux", "-N", "-S", str(settings.tmux_socket), "kill-server"]
        stack.callback(subprocess.run, kill, capture_output=True, timeout=WAIT_S, check=False)
        api = stack.enter_context(serving(context))
        yield Site(context, api, directory / "code" / "shop", redis)


@contextmanager
def open_cluster(root: Path) -> Iterator[Cluster]:
    """Both machines in this directory."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        far_code = root / "far" / "code"
        for made in (root / "person", root / "near", far_code):
            made.mkdir(parents=True)
        for variable, value in environment_in(root / "person").items():
            if not variable.startswith("AIOS_"):  # the services run git in this process's environment
                patch.setenv(variable, value)
        shop = new_project(root / "near", dict(os.environ), "shop")
        remote = root / "near" / "remotes" / "shop.git"
        subprocess.run(["git", "clone", "-q", str(remote), str(far_code / shop.name)], check=True)
        near = stack.enter_context(open_machine(root / "near", "near", {}))
        url = {"AIOS_REDIS_URL": redis_py_url(near.context.settings)}
        far = stack.enter_context(open_machine(root / "far", "far", url, near.redis))
        yield Cluster(near, far)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all tests of a file."""
    root = Path(tempfile.mkdtemp(prefix="aios-t-", dir="/tmp"))
    try:
        with open_cluster(root) as opened:
            yield opened
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _redis(settings: Settings) -> Iterator[RedisServer]:
    server = RedisServer(settings)
    server.start()
    try:
        yield server
    finally:
        server.kill()
