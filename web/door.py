"""Doors of the service, and the one for browsers: opened where it can be; else it has a problem in words."""

from __future__ import annotations

import asyncio
import enum
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Collection
from typing import Protocol

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from aios_app.domain.errors import StackError
from aios_app.services.context import Context
from web.access import Access, Grant
from web.feed import Feed
from web.flower import Flower
from web.handlers import MAX_BODY_BYTES
from web.nodes import Nodes
from web.pending import Pending
from web.place import Place, listen, note

logger = logging.getLogger(__name__)

#: Connections at once, sockets with them; one more is closed at once. Idle ones are closed after ``_IDLE_S``.
MAX_CONNECTIONS = 600
#: Of one address that has not been let in as a WebSocket: nobody takes all of them.
MAX_OF_ONE = 100
#: Of one WebSocket message; a longer one closes the socket before it is read.
MAX_MESSAGE_BYTES = 1024 * 1024
#: A browser that is asleep answers late; one whose machine is gone is noticed after twice this.
PING_S = 120
#: Seconds in which the head of a request must have come, and then its body.
_IDLE_S = 20.0
#: Of a head; browsers send all cookies of this name along, whichever program here has set them.
_HEAD_BYTES = 64 * 1024
_BUFFER_BYTES = 4 * 1024 * 1024


class Close(enum.IntEnum):
    """Why a WebSocket is closed; ``docs/web.md`` says what a page makes of it."""

    GOING_AWAY = 1001
    ENDED = 4000
    DETACHED = 4001
    NOTHING_THERE = 4002
    NOT_ALLOWED = 4003
    TOO_MANY = 4004
    NOT_UNDERSTOOD = 4005
    REDIS_AWAY = 4006
    MACHINE_AWAY = 4007


class LiveSocket(Protocol):
    """A WebSocket that is open, by ``grant``."""

    grant: Grant

    def leave(self, code: Close, reason: str) -> None: ...


class Doorway:
    """What handlers behind any door share. Belongs to the event loop that it is made in."""

    def __init__(self, context: Context, pending: Pending, nodes: Nodes | None) -> None:
        """Without ``nodes`` nothing is passed on to other machines."""
        self.context = context
        self.pending = pending
        self.nodes = nodes
        self.sockets: set[LiveSocket] = set()
        self._loop = asyncio.get_running_loop()
        self._opening = asyncio.Lock()
        self._server: _Server | None = None

    @property
    def is_open(self) -> bool:
        return self._server is not None

    def listen(
        self,
        app: Application,
        tls: ssl.SSLContext | None,
        listeners: Collection[socket.socket],
        most_of_one: int = MAX_CONNECTIONS,
    ) -> None:
        """Serves the application from now on; ``most_of_one`` connections of one address at a time."""
        self._server = _Server(self, app, tls, most_of_one)
        self._server.add_sockets(listeners)

    async def stop(self) -> None:
        """Nobody comes in any more, and pages are told to come again; requests under way go on."""
        if self._server is not None:
            self._server.stop()
        self.dismiss(self.sockets, Close.GOING_AWAY, "the service ends")

    async def close(self) -> None:
        """Nobody is left."""
        if self._server is not None:
            await self._server.close_all_connections()

    def dismiss(self, sockets: Collection[LiveSocket], code: Close, reason: str) -> None:
        """Closes these sockets."""
        for one in list(sockets):
            one.leave(code, reason)


class Door(Doorway):
    """The door for browsers."""

    place: Place  #: known once the door is open

    def __init__(
        self,
        context: Context,
        feed: Feed,
        pending: Pending,
        nodes: Nodes,
        make_app: Callable[[Door], Application],
    ) -> None:
        super().__init__(context, pending, nodes)
        self.feed = feed
        self.access = Access(context.settings.data_dir / "web-access.json")
        self.flower = Flower(context.settings)
        self._make_app = make_app

    async def open(self) -> None:
        """Lets browsers in, unless it does so already; ``StackError`` says why it cannot."""
        async with self._opening:
            if self.is_open:
                return
            settings = self.context.settings
            try:
                self.place, listeners = await asyncio.to_thread(listen, self.context)
            except StackError as error:
                note(settings, problem=str(error))
                raise
            self.listen(self._make_app(self), self.place.tls, listeners)
            note(settings, url=self.place.url)
            logger.info("browsers are let in at %s", self.place.url)

    def open_from_thread(self, deadline_s: float) -> None:
        """The same for a thread of a request."""
        asyncio.run_coroutine_threadsafe(self.open(), self._loop).result(deadline_s)

    async def stop(self) -> None:
        """As of any door; Flower ends too."""
        await super().stop()
        await self.flower.close()

    def cut_off(self, keys: Collection[str]) -> None:
        """Closes the sockets of these grants. Any thread may call it."""
        self._loop.call_soon_threadsafe(self._cut_off, keys)

    def _cut_off(self, keys: Collection[str]) -> None:
        cut = [socket for socket in self.sockets if socket.grant.key in keys]
        self.dismiss(cut, Close.NOT_ALLOWED, "the login or the link is over")


class _Server(HTTPServer):
    """Refuses connections beyond ``MAX_CONNECTIONS``, and those of one address beyond ``most_of_one``."""

    def initialize(  # type: ignore[override]
        self, door: Doorway, app: Application, tls: ssl.SSLContext | None, most_of_one: int
    ) -> None:
        super().initialize(
            app,
            ssl_options=tls,
            max_header_size=_HEAD_BYTES,
            max_body_size=MAX_BODY_BYTES,
            max_buffer_size=_BUFFER_BYTES,
            idle_connection_timeout=_IDLE_S,
            body_timeout=_IDLE_S,
        )
        self._door = door
        self._most_of_one = most_of_one
        self._requesting: Counter[str] = Counter()

    def handle_stream(self, stream: IOStream, address: tuple[str, int]) -> None:
        is_full = self._requesting.total() + len(self._door.sockets) >= MAX_CONNECTIONS
        if is_full or self._requesting[address[0]] >= self._most_of_one:
            stream.close()
            return
        self._requesting[address[0]] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Also when a WebSocket takes the connection over: the door counts it then."""
        address = server_conn.context.address[0]  # type: ignore[attr-defined]
        self._requesting -= Counter([address])
        super().on_close(server_conn)
