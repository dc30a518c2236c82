"""Where browsers come in: address, port and its holder, TLS. All is decided before anything listens."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import socket
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil

from aios_app.domain.errors import StackError
from aios_app.services.context import Context
from aios_app.settings import Settings
from aios_app.stack.tls import server_tls

DEFAULT_PORT = 7681
#: Names by which this machine alone reaches it.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG = 1024
_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One listening place. ``hosts`` are the values that a request's ``Host`` may have."""

    url: str
    port: int
    hosts: frozenset[str]
    token: str  #: the hash of the setting ``web_token``; empty: none
    tls: ssl.SSLContext | None
    is_local: bool  #: no other machine reaches it

    @property
    def cookie(self) -> str:
        """The name of the login's cookie. Cookies do not tell ports apart, names do."""
        return f"{'__Host-' if self.tls else ''}aios-{self.port}"

    def is_own(self, origin: str, host: str) -> bool:
        """Whether this is the ``Origin`` of a page that came by this ``Host``."""
        return host in self.hosts and origin == f"{urlsplit(self.url).scheme}://{host}"


def listen(context: Context) -> tuple[Place, list[socket.socket]]:
    """Takes the place that the settings ask for; ``StackError`` says why it cannot be had."""
    get = context.catalog.get
    address, token = get("web_address") or _LOOPBACK[0], get("web_token")
    tls = server_tls(get("web_cert"), get("web_key"))
    published = get("web_published")
    is_local = bool(published) or _is_loopback(address)
    if not is_local and not (tls and token):
        raise StackError(
            f"browsers are not let in at {address}: beyond this machine that needs web_cert, web_key "
            "and web_token (aios config)"
        )
    sockets = _bind(address, _ports(context.settings, get("web_port")))
    port = int(published or sockets[0].getsockname()[1])
    own = _LOOPBACK[0] if published else _public_name(address)
    names = [own, *get("web_hosts").split(), *(_LOOPBACK if is_local else ())]
    scheme = "https" if tls else "http"
    hosts = {f"{name}:{port}" for name in names} | set(names if port == _USUAL_PORTS[scheme] else ())
    url = f"{scheme}://{names[0]}:{port}"
    place = Place(url=url, port=port, hosts=frozenset(hosts), token=token, tls=tls, is_local=is_local)
    return place, sockets


def note(settings: Settings, *, url: str = "", problem: str = "") -> None:
    """Leaves word of where browsers come in, or of why they do not."""
    fresh = settings.web_address_file.with_suffix(".tmp")
    fresh.write_text(json.dumps({"url": url, "problem": problem}))
    fresh.replace(settings.web_address_file)


def _ports(settings: Settings, chosen: str) -> list[int]:
    """The ports to try, one after another. A free one is kept, so that open pages find it again."""
    if chosen or settings.is_default:
        return [int(chosen or DEFAULT_PORT)]
    try:
        last = urlsplit(json.loads(settings.web_address_file.read_text())["url"]).port
    except (OSError, ValueError, KeyError, TypeError):
        last = None
    return [last, 0] if last else [0]


def _bind(address: str, ports: list[int]) -> list[socket.socket]:
    for port in ports[:-1]:
        with contextlib.suppress(OSError):
            return listen_at(address, port)
    port = ports[-1]
    try:
        return listen_at(address, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise StackError(f"browsers are not let in: {address}:{port}: {error.strerror}") from error
        raise StackError(
            f"port {port} is taken by {_holder(port)}: end that, or aios config web_port {port + 1}; "
            "then aios down and aios up"
        ) from error


def listen_at(address: str, port: int) -> list[socket.socket]:
    """A socket for each of the addresses that a name has, all on one port."""
    found = dict.fromkeys((family, where[0]) for family, _, _, _, where in _resolved(address))
    with contextlib.ExitStack() as opened:
        sockets = []
        for family, host in found:
            sockets.append(socket.create_server((host, port), family=family, backlog=_BACKLOG))
            opened.enter_context(sockets[-1])
            sockets[-1].setblocking(False)
            port = sockets[0].getsockname()[1]
        opened.pop_all()
        return sockets


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if not connection.laddr or connection.laddr.port != port:
            continue
        if connection.status == psutil.CONN_LISTEN and connection.pid is not None:
            with contextlib.suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()}, pid {connection.pid}"
    return "a program of another user"


def _is_loopback(address: str) -> bool:
    return all(ipaddress.ip_address(where[0]).is_loopback for *_, where in _resolved(address))


def _resolved(address: str) -> list[Any]:
    try:
        return socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise StackError(f"web_address: {address}: {error.strerror}") from error


def _public_name(address: str) -> str:
    """How others write the address: an IPv6 one in brackets, one that means all by this machine's name."""
    with contextlib.suppress(ValueError):
        number = ipaddress.ip_address(address)
        return (
            socket.gethostname()
            if number.is_unspecified
            else f"[{number}]"
            if number.version == 6
            else address
        )
    return address
