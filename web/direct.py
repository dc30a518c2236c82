"""A WebSocket whose bytes reach the handler in the very step of the event loop in which they came.

Tornado's own takes each frame apart in several steps, which costs twice what a key press costs tmux and the
kernel. The handler is Tornado's, with all its methods; the socket is asyncio's. Without TLS only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import sys
from collections import deque
from http import HTTPStatus
from typing import Any, cast

from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol

from web.frames import BINARY, CLOSE, PING, PONG, TEXT, BadFrame, Messages, frame

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Seconds that the browser has to answer our closing frame.
_FAREWELL_S = 5.0


class DirectProtocol(WebSocketProtocol, asyncio.Protocol):
    """One connection. A handler whose ``on_message`` is not done yet gets no further message."""

    def __init__(self, handler: WebSocketHandler, *, limit: int, ping_s: float) -> None:
        super().__init__(handler)
        self._loop = asyncio.get_running_loop()
        self._messages = Messages(limit)
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._working: asyncio.Future[Any] | None = None
        self._transport: asyncio.Transport | None = None
        self._ping_s = ping_s
        self._is_heard = True
        self._timer: asyncio.TimerHandle | None = None
        self._said: tuple[int | None, str | None] = (None, None)
        self._sent: asyncio.Future[None] = self._loop.create_future()
        self._sent.set_result(None)

    # What Tornado's handler calls

    async def accept_connection(self, handler: WebSocketHandler) -> None:
        """Answers the handshake, takes the connection over, and opens the handler."""
        key = handler.request.headers.get("Sec-WebSocket-Key", "")
        if not key:
            raise HTTPError(HTTPStatus.BAD_REQUEST, "no Sec-WebSocket-Key")
        digest = hashlib.sha1(key.encode() + _GUID).digest()  # noqa: S324 - as the protocol has it
        handler.clear_header("Content-Type")
        handler.set_status(HTTPStatus.SWITCHING_PROTOCOLS)
        handler.set_header("Upgrade", "websocket")
        handler.set_header("Connection", "Upgrade")
        handler.set_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        await handler.finish()
        stream = handler.detach()
        own = stream.socket.dup()
        own.setblocking(False)
        stream.close()
        await self._loop.connect_accepted_socket(lambda: self, own)
        await self._open(handler)

    def write_message(
        self,
        message: str | bytes | dict[str, Any],
        binary: bool = False,  # noqa: FBT001, FBT002 - Tornado's
    ) -> asyncio.Future[None]:
        """Sends it; what is returned is done when the kernel has all of it."""
        if self._transport is None or self.is_closing():
            raise WebSocketClosedError
        data = message if isinstance(message, bytes) else str(message).encode()
        self._transport.write(frame(BINARY if binary else TEXT, data))
        return self._sent

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Says so, and hangs up once the browser has answered or has had the time to."""
        if self._transport is None:
            return
        if not self.server_terminated:
            self.server_terminated = True
            self._transport.write(frame(CLOSE, _close_payload(code, reason)))
            self._transport.resume_reading()
            self._set_timer(_FAREWELL_S, self._transport.abort)
        if self.client_terminated:
            self._transport.close()

    def _abort(self) -> None:
        """At once, whatever has not been sent yet."""
        self.client_terminated = self.server_terminated = True
        if self._transport is not None:
            self._transport.abort()

    def is_closing(self) -> bool:
        return self.server_terminated or self.client_terminated

    def set_nodelay(self, x: bool) -> None:  # noqa: FBT001 - Tornado's
        """It is so already."""

    @property
    def selected_subprotocol(self) -> str | None:
        return None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)  # so that the two below tell of every byte
        self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._sent = self._loop.create_future()

    def resume_writing(self) -> None:
        if not self._sent.done():
            self._sent.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._is_heard = True
        try:
            self._waiting.extend(self._messages.feed(data))
        except BadFrame as error:
            self.close(error.code, error.reason)
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost changes nothing
        self.client_terminated = self.server_terminated = True
        if self._timer is not None:
            self._timer.cancel()
        self._sent.cancel()
        self.handler.on_ws_connection_close(*self._said)

    # How it works

    async def _open(self, handler: WebSocketHandler) -> None:
        self._set_timer(self._ping_s, self._ping)
        try:
            opening = handler.open(*handler.open_args, **handler.open_kwargs)
            if inspect.isawaitable(opening):
                await opening
        except Exception:  # noqa: BLE001 - whatever it is, it is logged and ends this socket alone
            handler.log_exception(*sys.exc_info())
            self._abort()
        self._read(is_wanted=True)

    def _work(self) -> None:
        while self._waiting and self._working is None:
            try:
                self._take(*self._waiting.popleft())
            except Exception:  # noqa: BLE001 - the same
                self.handler.log_exception(*sys.exc_info())
                self._abort()

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == CLOSE:
            self._leave(data)
        elif self.is_closing():
            return
        elif opcode == PING and self._sent.done():  # answers that nobody reads would pile up
            self.write_ping(data, PONG)
        elif opcode in {TEXT, BINARY}:
            self._hand_over(opcode, data)

    def _hand_over(self, opcode: int, data: bytes) -> None:
        try:
            message = data if opcode == BINARY else data.decode()
        except UnicodeDecodeError:
            self.close(1007, "no UTF-8")
            return
        work = self.handler.on_message(message)
        if work is not None:
            self._wait_for(asyncio.ensure_future(work))

    def _wait_for(self, work: asyncio.Future[Any]) -> None:
        self._working = work
        self._read(is_wanted=False)
        work.add_done_callback(self._go_on)

    def _go_on(self, _: asyncio.Future[Any]) -> None:
        self._working = None
        self._work()
        if self._working is None:
            self._read(is_wanted=True)

    def _read(self, *, is_wanted: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if is_wanted else self._transport.pause_reading)()

    def _leave(self, data: bytes) -> None:
        self.client_terminated = True
        if len(data) >= 2:
            self._said = int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace")
        self.close(self._said[0])

    def _ping(self) -> None:
        if self._transport is None:
            return
        if not self._is_heard:
            self._transport.abort()
            return
        self._is_heard = False
        self.write_ping(b"")
        self._set_timer(self._ping_s, self._ping)

    def write_ping(self, data: bytes, opcode: int = PING) -> None:
        if self._transport is not None:
            self._transport.write(frame(opcode, data))

    def _set_timer(self, seconds: float, call: Any) -> None:  # noqa: ANN401 - whatever the loop calls
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, call)

    # What Tornado's own protocol does in another way

    def _process_server_headers(self, key: str | bytes, headers: Any) -> None:  # noqa: ANN401 - of a client
        raise NotImplementedError

    def start_pinging(self) -> None:
        """It was begun when the handler was opened."""

    async def _receive_frame_loop(self) -> None:
        """Bytes come by ``data_received``."""


def _close_payload(code: int | None, reason: str | None) -> bytes:
    return b"" if code is None else code.to_bytes(2, "big") + (reason or "").encode()
