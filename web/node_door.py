"""The door for other machines of the cluster: the API and terminals, by TLS, for who shows its secret."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl

from tornado.routing import Rule
from tornado.web import Application, HTTPError, url

from aios_app.domain.errors import StackError
from aios_app.services.config import note_machine
from aios_app.services.context import Context
from aios_app.stack.certificates import make_certificate
from aios_app.stack.node_place import read_node_place, write_node_place
from aios_app.stack.tls import server_tls
from web.answering import Answering
from web.api import ENDPOINTS, JOIN
from web.door import MAX_MESSAGE_BYTES, MAX_OF_ONE, Doorway
from web.handlers import ApiHandler, log_request
from web.pending import Pending
from web.place import listen_at
from web.routes import TERMINALS, MethodAndPath
from web.trusted import FromNode, NodeApiHandler, NodeTerminalHandler

logger = logging.getLogger(__name__)

DEFAULT_PORT = 7682
#: A machine that is gone is noticed after twice this.
_PING_S = 20


class NodeDoor(Doorway):
    """Open where ``listen`` says at which address other machines reach this one, and jobs run here."""

    def __init__(self, context: Context, pending: Pending) -> None:
        super().__init__(context, pending, nodes=None)

    async def open(self) -> None:
        """Lets other machines in, and tells them where; ``StackError`` says why it cannot."""
        async with self._opening:
            settings = self.context.settings
            if self.is_open or not (settings.listen and settings.has_worker):
                return
            listeners, tls = await asyncio.to_thread(self._take_place)
            self.listen(make_node_app(self), tls, listeners, MAX_OF_ONE)
            await asyncio.to_thread(note_machine, self.context)
            logger.info("other machines are let in at %s port %s", *listeners[0].getsockname()[:2])

    def _take_place(self) -> tuple[list[socket.socket], ssl.SSLContext]:
        address = self.context.settings.listen
        name = _public_name(address)
        certificate, key = make_certificate(self.context.settings.cluster_dir / "node", [name])
        tls = server_tls(str(certificate), str(key))
        if tls is None:
            raise StackError(f"{certificate} is no certificate")
        listeners = _bind(address, self._ports())
        port = listeners[0].getsockname()[1]
        write_node_place(self.context.settings, name, port, certificate.read_text())
        return listeners, tls

    def _ports(self) -> list[int]:
        """The ports to try, one after another: another instance may have the usual one."""
        if chosen := self.context.catalog.get("node_port"):
            return [int(chosen)]
        last = int(read_node_place(self.context.settings).get("port", DEFAULT_PORT))
        return [last, DEFAULT_PORT, 0]


def make_node_app(doorway: Doorway) -> Application:
    """All that other machines can ask for."""
    answering = Answering(doorway.context, doorway.nodes)
    given = {"context": doorway.context, "pending": doorway.pending, "answering": answering}
    api = [
        Rule(MethodAndPath(line), NodeApiHandler, given | {"line": line, "endpoint": one})
        for line, one in ENDPOINTS.items()
    ]
    joining = [
        Rule(MethodAndPath(line), ApiHandler, given | {"line": line, "endpoint": one})
        for line, one in JOIN.items()
    ]
    return Application(
        [*api, *joining, url(TERMINALS, NodeTerminalHandler)],
        default_handler_class=_NothingHandler,
        log_function=log_request,
        door=doorway,
        websocket_max_message_size=MAX_MESSAGE_BYTES,
        websocket_ping_interval=_PING_S,
        websocket_ping_timeout=_PING_S,
    )


class _NothingHandler(FromNode):
    """Whatever is not there."""

    async def prepare(self) -> None:
        await super().prepare()
        raise HTTPError(404, log_message=f"this node has no {self.request.method} {self.request.path}")


def _bind(address: str, ports: list[int]) -> list[socket.socket]:
    for port in ports[:-1]:
        with contextlib.suppress(OSError):
            return listen_at(address, port)
    try:
        return listen_at(address, ports[-1])
    except OSError as error:
        raise StackError(
            f"other machines are kept out at {address}:{ports[-1]} ({error.strerror}): aios config node_port"
        ) from error


def _public_name(address: str) -> str:
    """How others reach the address: one that means all by this machine's name."""
    with contextlib.suppress(ValueError):
        return socket.gethostname() if ipaddress.ip_address(address).is_unspecified else address
    return address
