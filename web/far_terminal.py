"""A terminal of another machine's job, passed on both ways as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from web.door import Close, LiveSocket

#: What the node says in closing that is also meant for who looks; else its machine is gone.
_PASSED_ON = frozenset(Close)


class Viewer(LiveSocket, Protocol):
    """The socket of who looks."""

    def write_message(
        self,
        message: str | bytes,
        binary: bool = ...,  # noqa: FBT001 - Tornado's
    ) -> asyncio.Future[None]: ...


class FarTerminal:
    """Passes on what the node sends until either side closes; none is read before the last was taken."""

    def __init__(self, node: WebSocketClientConnection, viewer: Viewer) -> None:
        self._node = node
        self._viewer = viewer
        self._passing = asyncio.create_task(self._pass_back())

    async def send(self, message: str | bytes) -> None:
        """Takes a message of the viewer's, as quickly as the node takes it."""
        with contextlib.suppress(WebSocketClosedError):
            await self._node.write_message(message, binary=isinstance(message, bytes))

    def close(self) -> None:
        """The viewer is gone."""
        self._passing.cancel()
        self._node.close()

    async def _pass_back(self) -> None:
        while (message := await self._node.read_message()) is not None:
            try:
                await self._viewer.write_message(message, binary=isinstance(message, bytes))
            except WebSocketClosedError:
                return
        code, reason = self._node.close_code, self._node.close_reason
        if code in _PASSED_ON:
            self._viewer.leave(Close(code), reason or "")
        else:
            self._viewer.leave(Close.GOING_AWAY, "the machine does not answer any more")
