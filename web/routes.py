"""How the lines of ``docs/api.md`` become routes."""

from __future__ import annotations

import re
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches

ROOT = "/api/v1"
#: A terminal's WebSocket, by the name of its session.
TERMINALS = r"/attach/([A-Za-z0-9_-]{1,64})"


class MethodAndPath(PathMatches):
    """Matches ``PUT /projects/{ref}/tags``: the method too, and a name for each part in braces."""

    def __init__(self, line: str) -> None:
        self.method, path = line.split(" ")
        super().__init__(ROOT + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path) + "$")

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return super().match(request) if request.method == self.method else None
