"""Remotes as they are out there: an SSH server that refuses, git by HTTPS that asks for a password."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from aios_app.git.location import Repository
from aios_app.git.repository import find_repository
from tests.integration.git_fixtures import commit, git

USER, PASSWORD = "ada", "correct horse"
#: Alone, as a person has them whose keys are elsewhere.
_SSH = (
    "ssh -F none -oUserKnownHostsFile=/dev/null -oStrictHostKeyChecking={} -oBatchMode=yes -oConnectTimeout=2"
)


@dataclass
class HttpsRemote:
    """Serves the bare repositories below ``root`` to who knows the password."""

    root: Path
    certificate: Path
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)  #: path and status of each request

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/"


class _Handler(BaseHTTPRequestHandler):
    """Git's own program does the work, as a CGI; the password is asked for here."""

    remote: HttpsRemote
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Nothing is logged."""

    def do_GET(self) -> None:
        body = self._body()
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        head, _, payload = self._backend(body).partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        fields = {name.lower(): value for name, _, value in lines}
        status = int(fields.pop("status", "200").split()[0])
        self._answer(status, list(fields.items()), payload)

    do_POST = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _backend(self, body: bytes) -> bytes:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.remote.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": USER,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        command = ["git", "http-backend"]
        return subprocess.run(command, input=body, env=environment, capture_output=True, check=True).stdout

    def _answer(self, status: int, fields: list[tuple[str, str]], payload: bytes) -> None:
        self.remote.asked.append((self.path, status))
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake in the connection's own thread: one that never ends is nobody else's trouble."""
        try:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:  # the client does not trust us, or has gone
            return


@pytest.fixture
def https_remote(tmp_path: Path) -> Iterator[HttpsRemote]:
    """With a certificate that nobody trusts unless told to."""
    certificate, key = _certificate(tmp_path)
    remote = HttpsRemote(tmp_path / "served", certificate)
    handler = type("Handler", (_Handler,), {"remote": remote})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(certificate, key)
        remote.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield remote
        server.shutdown()
        thread.join()


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=aios", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *words, *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=8)
    return certificate, key


class _Refusing(asyncssh.SSHServer):
    """Takes keys, but none of them."""

    def public_key_auth_supported(self) -> bool:
        return True


@pytest.fixture
def refusing_ssh() -> Iterator[int]:
    """The port of an SSH server for whom no key is right."""
    with _running_loop() as loop:
        server = asyncio.run_coroutine_threadsafe(_listen(), loop).result(5)
        yield server.get_port()
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(5)


async def _listen() -> asyncssh.SSHAcceptor:
    key = asyncssh.generate_private_key("ssh-ed25519")
    return await asyncssh.listen("127.0.0.1", 0, server_host_keys=[key], server_factory=_Refusing)


async def _close(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True)
class Away:
    """A clone with the origin ``git@hub.test:org/shop.git``, and settings that lead it to this machine."""

    repo: Repository
    served: Path
    settings: Path
    folder: Path

    def rule(self, place: str, prefix: str, *, kind: str = "insteadOf") -> None:
        """What begins with ``prefix`` is at ``place``."""
        self.configure(f"url.{place}.{kind}", prefix)

    def configure(self, key: str, value: str) -> None:
        """A setting of the person."""
        git(self.folder, "config", "--file", str(self.settings), "--add", key, value)

    def lead_ssh_to(self, port: int, *, knows_host: bool = True) -> None:
        """The SSH address is at this port of this machine."""
        self.configure("core.sshCommand", _SSH.format("no" if knows_host else "yes"))
        self.rule(f"ssh://git@127.0.0.1:{port}/", "git@hub.test:")

    def lead_https_to(self, url: str) -> None:
        """Its twin, too."""
        self.rule(url, "https://127.0.0.1/")

    def trust(self, remote: HttpsRemote, password: str = PASSWORD) -> None:
        """Certificate and password, as a person gives them to git."""
        self.configure("http.sslCAInfo", str(remote.certificate))
        store = self.folder / "passwords"
        store.write_text(f"https://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{remote.port}\n")
        self.configure("credential.helper", f"store --file={store}")

    def news(self) -> str:
        """A commit on the remote that the clone has not seen."""
        git(self.folder, "clone", "-q", str(self.served), "elsewhere")
        sha = commit(self.folder / "elsewhere", "news.txt", "news\n")
        git(self.folder / "elsewhere", "push", "-q", "origin", "main")
        return sha

    def state(self) -> tuple[str, str]:
        """Its configuration and its branches."""
        return (self.repo.git_dir / "config").read_text(), git(self.repo.root, "for-each-ref")


@pytest.fixture
def away(tmp_path: Path, quiet_git: None, monkeypatch: pytest.MonkeyPatch) -> Away:
    for name in ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_PROXY_SSL_CAINFO", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = tmp_path / "served/org/shop.git"
    git(tmp_path, "init", "-q", "--bare", str(served))
    git(tmp_path, "clone", "-q", str(served), "shop")
    commit(tmp_path / "shop", "README.md", "one\n")
    git(tmp_path / "shop", "push", "-q", "-u", "origin", "main")
    git(tmp_path / "shop", "remote", "set-url", "origin", "git@hub.test:org/shop.git")
    return Away(find_repository(tmp_path / "shop"), served, tmp_path / "gitconfig", tmp_path)
