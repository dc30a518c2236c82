"""The event stream for browsers: ``/api/v1/feed``, a WebSocket that carries the lines of ``GET /events``."""

from __future__ import annotations

import asyncio
import json

from tornado.websocket import WebSocketClosedError

from aios_app.domain.errors import AiosError, UsageError
from web.access import Grant
from web.door import Close
from web.entrance import shared
from web.lines import encode
from web.sockets import GuardedSocket


class FeedHandler(GuardedSocket):
    """Lines as they come, or a ``gap``. Somebody with links gets those of the jobs of these."""

    def initialize(self) -> None:
        self._sending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self.enter(self._grant())
        self._sending = asyncio.create_task(self._send_lines(self.get_query_argument("after", "")))

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked for here."""

    def on_close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        super().on_close()

    def _grant(self) -> Grant:
        """Of several links the first that is over ends the feed: the page comes again with the others."""
        shares = self.visitor.shares.values()
        return self.visitor.owner or min(shares, key=lambda grant: grant.expires_s)

    async def _send_lines(self, after: str) -> None:
        try:
            async with self.door.feed.subscribe(after) as subscription:
                while lines := await subscription.read():
                    if seen := lines if self.visitor.owner else self._seen(lines):
                        await self.write_message(seen.decode("ascii"))
            self.leave(Close.GOING_AWAY, "the service ends")
        except WebSocketClosedError:
            return
        except UsageError as error:
            self.leave(Close.NOT_UNDERSTOOD, str(error))
        except AiosError:
            self.leave(Close.REDIS_AWAY, "Redis does not answer")

    def _seen(self, lines: bytes) -> bytes:
        """What of the lines somebody with links may see."""
        events = [json.loads(line) for line in lines.splitlines()]
        return b"".join(encode(**_narrowed(event)) for event in events if self._may_see(event))

    def _may_see(self, event: dict[str, object]) -> bool:
        job = event.get("job")
        return event["type"] != "run" and (not isinstance(job, dict) or job["number"] in self.visitor.shares)


def _narrowed(event: dict[str, object]) -> dict[str, object]:
    job = event.get("job")
    fields = {name: value for name, value in event.items() if name != "v"}
    return fields | ({"job": shared(job)} if isinstance(job, dict) else {})
