"""The application: the API today; pages, terminals and the browser's feed get their routes here."""

from __future__ import annotations

import re
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Rule
from tornado.web import Application

from aios_app.services.context import Context
from web.api import ENDPOINTS, EVENTS_QUERY
from web.feed import Feed
from web.handlers import ApiHandler, EventsHandler, UnknownHandler, log_request
from web.pending import Pending

_ROOT = "/api/v1"


class MethodAndPath(PathMatches):
    """Matches ``PUT /projects/{ref}/tags``: the method too, and a name for each part in braces."""

    def __init__(self, line: str) -> None:
        self.method, path = line.split(" ")
        super().__init__(_ROOT + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path) + "$")

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return super().match(request) if request.method == self.method else None


class App(Application):
    """The routes, and the requests that are ``pending``. It starts nothing by itself."""

    def __init__(self, context: Context, feed: Feed) -> None:
        self.pending = Pending()
        given = {"context": context, "pending": self.pending}
        rules = [
            Rule(MethodAndPath(line), ApiHandler, given | {"endpoint": endpoint})
            for line, endpoint in ENDPOINTS.items()
        ]
        events = Rule(MethodAndPath("GET /events"), EventsHandler, {"feed": feed, "query": EVENTS_QUERY})
        super().__init__([*rules, events], default_handler_class=UnknownHandler, log_function=log_request)


def make_app(context: Context, feed: Feed) -> App:
    """The application over one context."""
    return App(context, feed)
