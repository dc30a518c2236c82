"""The nodes of other machines: requests and terminals that are passed on to where the job is.

A node is known by the very certificate that the ledger has of it, and lets in who shows the cluster's secret.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPInputError
from tornado.iostream import UnsatisfiableReadError
from tornado.simple_httpclient import HTTPTimeoutError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from aios_app.domain import errors
from aios_app.domain.errors import AiosError, MachineAway
from aios_app.domain.machines import Machine, place_of
from aios_app.services.context import Context
from web.lines import VERSION
from web.routes import ROOT

Json = dict[str, Any]

#: Seconds that a node has to take a connection, with the handshake.
CONNECT_S = 3.0
#: The same where its machine is known to be away: everything else waits for it in vain.
_AWAY_S = 1.0
#: Of one answer: a transcript of 32 MB is not the longest text that is asked for. Of a longer one nothing is
#: read, and the request ends at its limit.
_MAX_ANSWER_BYTES = 96 * 1024 * 1024
#: Requests and terminals under way at once; a node that hangs must not keep those of others waiting.
_AT_ONCE = 512
#: A terminal whose machine is gone is noticed after twice this.
_PING_S = 20
_LONGEST_WORDS = 2000
_NETWORK = (HTTPClientError, HTTPInputError, UnsatisfiableReadError, WebSocketError, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a node, under the root of the API."""

    method: str
    path: str
    body: bytes | None = None
    limit_s: float = 100.0


class Nodes:
    """Speaks to the nodes of the other machines. Belongs to the event loop that it is made in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._http = AsyncHTTPClient(
            force_instance=True,
            max_clients=_AT_ONCE,
            max_body_size=_MAX_ANSWER_BYTES,
            max_buffer_size=_MAX_ANSWER_BYTES + 1024 * 1024,
        )
        self._pinned: dict[str, ssl.SSLContext] = {}

    async def ask(self, machine: str, call: Call) -> Json:
        """The node's answer; its error is raised as it would be here.

        Raises ``MachineAway`` where it does not answer in time, or not as a node of AIOS.
        """
        node, secret = await self._find(machine)
        request = self._request(node, secret, f"https://{place_of(node.address, node.port)}{ROOT}{call.path}")
        request.method, request.request_timeout = call.method, call.limit_s
        if call.body is not None:
            request.body = call.body
        try:
            response = await self._http.fetch(request, raise_error=False)
        except _NETWORK as error:
            raise _away(node, error) from error
        return _read(node, response)

    async def terminal(self, machine: str, path: str) -> WebSocketClientConnection:
        """An open WebSocket to this path of the node; raises ``MachineAway``."""
        node, secret = await self._find(machine)
        request = self._request(node, secret, f"wss://{place_of(node.address, node.port)}{path}")
        opening = websocket_connect(request, ping_interval=_PING_S, max_message_size=1024 * 1024)
        try:
            return await asyncio.wait_for(opening, 2 * CONNECT_S)
        except _NETWORK as error:
            raise _away(node, error) from error

    def close(self) -> None:
        """Requests under way are given up."""
        self._http.close()

    def _request(self, node: Machine, secret: str, url: str) -> HTTPRequest:
        return HTTPRequest(
            url,
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
            connect_timeout=CONNECT_S if node.is_there else _AWAY_S,
            follow_redirects=False,
            decompress_response=False,
            ssl_options=self._trust(node),
        )

    def _trust(self, node: Machine) -> ssl.SSLContext:
        """What accepts this node's own certificate and no other."""
        trust = self._pinned.get(node.certificate)
        if trust is None:
            trust = self._pinned[node.certificate] = _pinning(node)
        return trust

    async def _find(self, machine: str) -> tuple[Machine, str]:
        node, secret = await asyncio.to_thread(_look, self._context, machine)
        if node is None:
            raise MachineAway(f"machine {machine[:8]} is not of this cluster any more: aios machines")
        if not (node.address and node.port and node.certificate):
            mend = "aios up --listen ADDRESS there"
            raise MachineAway(f"{node.name} lets no other machine in{_since(node)}: {mend}")
        return node, secret


def name_of(context: Context, machine: str) -> str:
    """What a person calls the machine."""
    return context.ledger.machine(machine).get("name") or machine[:8]


def _look(context: Context, machine: str) -> tuple[Machine | None, str]:
    registry = context.ledger.registry
    known = {one.id: one for one in registry.known()}
    return known.get(machine), registry.node_secret()


def _pinning(node: Machine) -> ssl.SSLContext:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False  # the certificate itself is known, whatever names stand in it
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        trust.load_verify_locations(cadata=node.certificate)
    except (ssl.SSLError, ValueError) as error:
        raise MachineAway(f"the certificate that {node.name} has registered cannot be read") from error
    return trust


def _read(node: Machine, response: HTTPResponse) -> Json:
    if response.code == HTTPStatus.UNAUTHORIZED:
        raise MachineAway(f"{node.name} does not take this machine for one of its cluster: aios machines")
    try:
        answer = json.loads(response.body)
        _check_version(answer["v"])
        if response.code < HTTPStatus.BAD_REQUEST:
            return dict(answer)
        error = _as_here(answer["error"])
    except (ValueError, TypeError, KeyError, RecursionError) as wrong:
        raise MachineAway(f"{node.name} answers what no AIOS of this version says: aios machines") from wrong
    raise error


def _check_version(version: object) -> None:
    if version != VERSION:
        raise ValueError(version)


def _as_here(told: Mapping[str, Any]) -> AiosError:
    """The node's error, of the class that it has here too."""
    named = getattr(errors, str(told["type"]), None)
    known = isinstance(named, type) and issubclass(named, AiosError) and named.kind == told["kind"]
    message = str(told["message"])[:_LONGEST_WORDS]
    return named(message) if known and named is not None else errors.error_of_kind(str(told["kind"]), message)


def _away(node: Machine, error: Exception) -> MachineAway:
    if isinstance(error, ssl.SSLCertVerificationError):
        return MachineAway(f"{node.name} shows another certificate than it has registered: aios machines")
    return MachineAway(f"{node.name} does not answer{_since(node)}: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError | HTTPTimeoutError):
        return "nothing came in time"
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]


def _since(node: Machine) -> str:
    if node.unreachable_ms < node.beat_ms or not node.beat_ms:
        return ""
    return f" since {datetime.fromtimestamp(node.unreachable_ms / 1000).astimezone():%H:%M}"
