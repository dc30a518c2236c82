"""The application of the Unix socket: the API as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from tornado.routing import Rule
from tornado.web import Application

from aios_app.services.context import Context
from web.api import ENDPOINTS, EVENTS_QUERY
from web.feed import Feed
from web.handlers import ApiHandler, Endpoint, EventsHandler, UnknownHandler, log_request
from web.openapi import DocumentHandler
from web.pending import Pending
from web.routes import MethodAndPath


def make_app(context: Context, feed: Feed, pending: Pending, further: Mapping[str, Endpoint]) -> Application:
    """The application over one context; ``further`` endpoints are those of the door for browsers."""
    given = {"context": context, "pending": pending}
    endpoints = {**ENDPOINTS, **further}
    rules = [
        Rule(MethodAndPath(line), ApiHandler, given | {"endpoint": endpoint})
        for line, endpoint in endpoints.items()
    ]
    described = {"endpoints": endpoints, "others": ("GET /events", "GET /openapi.json")}
    rules += [
        Rule(MethodAndPath("GET /events"), EventsHandler, {"feed": feed, "query": EVENTS_QUERY}),
        Rule(MethodAndPath("GET /openapi.json"), DocumentHandler, described),
    ]
    return Application(rules, default_handler_class=UnknownHandler, log_function=log_request)
