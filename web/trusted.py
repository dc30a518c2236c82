"""Who is let in without a login of a browser: who may open the socket of this machine, and other machines."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
from http import HTTPStatus

from tornado.web import HTTPError

from aios_app.domain.errors import AiosError
from web.access import Grant
from web.door import Close
from web.guarded import Visitor
from web.handlers import ApiHandler, BaseHandler
from web.terminal import TerminalHandler

_OWN = Grant(key="own", expires_s=math.inf)
_DIGITS = 9


class OwnTerminalHandler(TerminalHandler):
    """Terminals on the Unix socket: its mode is the login."""

    def prepare(self) -> None:
        BaseHandler.prepare(self)
        self.visitor = Visitor(owner=_OWN, shares={})

    @property
    def is_encrypted(self) -> bool:
        return False


class FromNode(BaseHandler):
    """A handler for other machines of the cluster: whoever shows its secret."""

    async def prepare(self) -> None:
        BaseHandler.prepare(self)
        if not await self.shows_secret():
            raise HTTPError(HTTPStatus.UNAUTHORIZED, "only machines of this cluster are let in here")

    async def shows_secret(self) -> bool:
        """Whether what came with the request is the cluster's secret now."""
        registry = self.settings["door"].context.ledger.registry
        secret = await asyncio.to_thread(registry.node_secret)
        kind, _, shown = self.request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and hmac.compare_digest(shown.encode(), secret.encode())


class NodeApiHandler(FromNode, ApiHandler):
    """The API, for other machines; what is not here is not asked for elsewhere."""


class NodeTerminalHandler(FromNode, TerminalHandler):
    """Terminals for other machines, whose nodes say whether a person looks, or somebody by a link."""

    _asking: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        await FromNode.prepare(self)
        link = self.get_query_argument("link", "0")
        job = int(link) if link.isascii() and link.isdigit() and len(link) <= _DIGITS else -1
        grant = Grant(key="own", expires_s=math.inf, job=job)
        self.visitor = Visitor(owner=None, shares={job: grant}) if job else Visitor(owner=_OWN, shares={})

    @property
    def is_encrypted(self) -> bool:
        return True

    def on_pong(self, data: bytes) -> None:  # noqa: ARG002 - Tornado's own
        """While it is open it is asked again and again by what right: a machine may have been removed."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_again())

    async def _ask_again(self) -> None:
        with contextlib.suppress(AiosError):  # nobody can be asked: the next pong
            if not await self.shows_secret():
                self.leave(Close.GOING_AWAY, "the cluster has another secret since a machine was removed")
