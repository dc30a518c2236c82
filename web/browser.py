"""The application behind the door: pages, the API for whom it is open to, the feed, terminals."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tornado.routing import Rule
from tornado.web import Application, HTTPError, url

from aios_app.domain.errors import UsageError
from web.answering import Answering
from web.api import ENDPOINTS
from web.door import MAX_MESSAGE_BYTES, PING_S, Door
from web.entrance import share_endpoints
from web.guarded import Guarded
from web.handlers import ApiHandler, log_request
from web.live import FeedHandler
from web.openapi import DocumentHandler
from web.pages import (
    STATIC,
    FileHandler,
    IconHandler,
    LoginHandler,
    LogoutHandler,
    PageHandler,
    SessionHandler,
    ShareHandler,
)
from web.routes import ROOT, TERMINALS, MethodAndPath
from web.tasks_page import FlowerHandler
from web.terminal import TerminalHandler

#: What somebody with a link may ask about its job.
_OF_JOBS = frozenset({"GET /jobs/{number}/history"})
#: The paths of the one page that shows them all.
_PAGES = r"/(?:(?:jobs|runs|machines|projects|trash|new)(?:/.*)?)?"


class OwnerApiHandler(Guarded, ApiHandler):
    """The API, for the person alone."""

    def prepare(self) -> None:
        super().prepare()
        self.require_no_other_page()
        self.require_visitor()

    def require_visitor(self) -> None:
        """Refuses who may not ask for this."""
        self.require_owner()

    def fields(self, path: Mapping[str, str]) -> dict[str, Any]:
        fields = super().fields(path)
        if fields.get("environment"):
            raise UsageError("environment is of a terminal: a browser has none")
        return fields


class JobApiHandler(OwnerApiHandler):
    """The same, and for somebody with a link to the job ``number`` too."""

    def require_visitor(self) -> None:
        number = self.path_kwargs["number"]
        if not (number.isdecimal() and int(number[:18]) in self.visitor.shares):
            self.require_owner()


class OwnerDocumentHandler(Guarded, DocumentHandler):
    """What the API has here, for the person alone."""

    def prepare(self) -> None:
        super().prepare()
        self.require_no_other_page()
        self.require_owner()


class NothingHandler(Guarded):
    """Whatever is not there."""

    def prepare(self) -> None:
        super().prepare()
        raise HTTPError(HTTPStatus.NOT_FOUND, "there is nothing here")


def make_browser_app(door: Door) -> Application:
    """All that browsers can ask for."""
    answering = Answering(door.context, door.nodes)
    given = {"context": door.context, "pending": door.pending, "answering": answering}
    endpoints = ENDPOINTS | share_endpoints(door)
    described = {"endpoints": endpoints, "others": ("GET /openapi.json", "GET /web/session")}
    api = [
        Rule(
            MethodAndPath(line),
            JobApiHandler if line in _OF_JOBS else OwnerApiHandler,
            given | {"line": line, "endpoint": one},
        )
        for line, one in endpoints.items()
    ]
    own = [
        Rule(MethodAndPath("GET /web/session"), SessionHandler),
        Rule(MethodAndPath("GET /openapi.json"), OwnerDocumentHandler, described),
        url(rf"{ROOT}/feed", FeedHandler),
        url(TERMINALS, TerminalHandler),
        url(r"/terminal\.html", PageHandler, {"file": "terminal.html", "needs": "known"}),
        url(r"/share\.html", PageHandler, {"file": "share.html", "needs": ""}),
        url(r"/login", LoginHandler, {"file": "login.html", "needs": ""}),
        url(r"/logout", LogoutHandler),
        url(r"/share", ShareHandler),
        url(r"/flower(|/.*)", FlowerHandler),
        url(r"/favicon\.ico", IconHandler),
        url(r"/static/([A-Za-z0-9._-]+)", FileHandler, {"path": str(STATIC)}),
        url(_PAGES, PageHandler, {"file": "index.html", "needs": "owner"}),
    ]
    return Application(
        [*own, *api],
        default_handler_class=NothingHandler,
        log_function=log_request,
        door=door,
        websocket_max_message_size=MAX_MESSAGE_BYTES,
        websocket_ping_interval=PING_S,
        websocket_ping_timeout=PING_S,
    )
