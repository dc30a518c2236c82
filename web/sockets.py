"""WebSockets behind the door: checked before they open, closed when what allowed them is over."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable

from tornado.websocket import WebSocketHandler

from web.access import Grant
from web.door import Close, Doorway
from web.guarded import Guarded

#: What of a reason fits in a closing frame.
_REASON_BYTES = 120


class GuardedSocket(Guarded, WebSocketHandler):
    """Opens for pages of this place, or by the token. Its ``open`` begins with ``enter``."""

    grant: Grant
    _expiry: asyncio.TimerHandle | None = None

    @property
    def doorway(self) -> Doorway:
        """The door that it came by, whichever that is."""
        doorway: Doorway = self.settings["door"]
        return doorway

    def prepare(self) -> Awaitable[None] | None:
        super().prepare()
        if "Origin" in self.request.headers or not self.has_token:
            self.require_own_page()
        self.require_no_other_page()
        self.require_known()
        return None

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002 - prepare() has asked for more
        return True

    def enter(self, grant: Grant) -> None:
        """From now on the socket lives as long as the grant, and no longer than the service."""
        self._forget_expiry()
        self.grant = grant
        self.doorway.sockets.add(self)
        if not math.isinf(grant.expires_s):
            left_s = max(0.0, grant.expires_s - time.time())
            self._expiry = asyncio.get_running_loop().call_later(
                left_s, self.leave, Close.NOT_ALLOWED, "the login or the link is over"
            )

    @property
    def is_left(self) -> bool:
        """Whether either side has closed the socket."""
        return self.ws_connection is None or self.ws_connection.is_closing()

    def leave(self, code: Close, reason: str) -> None:
        """Closes the socket."""
        self.close(code, reason.encode()[:_REASON_BYTES].decode("utf-8", "ignore"))

    def on_close(self) -> None:
        self._forget_expiry()
        self.doorway.sockets.discard(self)

    def _forget_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
