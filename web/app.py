"""The application of the Unix socket: the API as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from tornado.routing import Rule
from tornado.web import Application

from aios_app.services.context import Context
from web.api import ENDPOINTS, EVENTS_QUERY
from web.feed import Feed
from web.handlers import ApiHandler, Endpoint, EventsHandler, UnknownHandler, log_request
from web.pending import Pending
from web.routes import MethodAndPath


def make_app(context: Context, feed: Feed, pending: Pending, further: Mapping[str, Endpoint]) -> Application:
    """The application over one context; ``further`` endpoints are those of the door for browsers."""
    given = {"context": context, "pending": pending}
    rules = [
        Rule(MethodAndPath(line), ApiHandler, given | {"endpoint": endpoint})
        for line, endpoint in {**ENDPOINTS, **further}.items()
    ]
    events = Rule(MethodAndPath("GET /events"), EventsHandler, {"feed": feed, "query": EVENTS_QUERY})
    return Application([*rules, events], default_handler_class=UnknownHandler, log_function=log_request)
