"""The application of the Unix socket: the API as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from tornado.routing import Rule
from tornado.web import Application, RequestHandler, url

from web.answering import Answering
from web.api import ENDPOINTS, EVENTS_QUERY
from web.door import MAX_MESSAGE_BYTES, PING_S, Doorway
from web.feed import Feed
from web.handlers import ApiHandler, Endpoint, EventsHandler, UnknownHandler, log_request
from web.openapi import DocumentHandler
from web.routes import TERMINALS, MethodAndPath
from web.trusted import OwnTerminalHandler
from web.updates import UpdateLooks


def make_app(doorway: Doorway, feed: Feed, further: Mapping[str, Endpoint]) -> Application:
    """The application over one context; ``further`` endpoints are those of the door for browsers."""
    context, pending = doorway.context, doorway.pending
    given = {"context": context, "pending": pending, "answering": Answering(context, doorway.nodes)}
    endpoints = {**ENDPOINTS, **further}
    rules = [
        Rule(MethodAndPath(line), ApiHandler, given | {"line": line, "endpoint": endpoint})
        for line, endpoint in endpoints.items()
    ]
    described = {"endpoints": endpoints, "others": ("GET /events", "GET /openapi.json")}
    rules += [
        Rule(MethodAndPath("GET /events"), EventsHandler, {"feed": feed, "query": EVENTS_QUERY}),
        Rule(MethodAndPath("GET /openapi.json"), DocumentHandler, described),
        url(TERMINALS, OwnTerminalHandler),
    ]
    looks = UpdateLooks(context, pending)

    def answered(handler: RequestHandler) -> None:
        log_request(handler)
        looks.answered()

    return Application(
        rules,
        default_handler_class=UnknownHandler,
        log_function=answered,
        door=doorway,
        websocket_max_message_size=MAX_MESSAGE_BYTES,
        websocket_ping_interval=PING_S,
        websocket_ping_timeout=PING_S,
    )
