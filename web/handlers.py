"""Requests and answers. What a request may hold and which service it calls stands in ``web.api``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from aios_app.domain.errors import AiosError, LedgerLost, UsageError
from aios_app.services.context import Context
from aios_app.services.reconcile import ensure_ledger
from web.errors import to_answer
from web.feed import Feed, Subscription
from web.lines import encode
from web.pending import Pending
from web.placing import At
from web.schema import Field, read_body, take_fields

if TYPE_CHECKING:
    from web.answering import Answering

logger = logging.getLogger(__name__)

#: A prompt has at most 127 KB; escaped as JSON six times that.
MAX_BODY_BYTES = 2 * 1024 * 1024

Service = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request of the API: its fields, and the service that gets the context and them by name."""

    service: Service
    body: Mapping[str, Field] = field(default_factory=dict)
    query: Mapping[str, Field] = field(default_factory=dict)
    path: Mapping[str, Field] = field(default_factory=dict)
    #: Of an answer; the usual one is 200.
    status: Callable[[dict[str, Any]], int] = lambda _answer: 200
    #: Called with the context once the client has its answer.
    afterwards: Callable[[Context], object] | None = None
    #: On which machines it is answered; None: on this one.
    at: At | None = None


class BaseHandler(RequestHandler):
    """Errors become the one form of answer that the API has for them."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> Awaitable[None] | None:
        if len(self.request.body) > MAX_BODY_BYTES:
            raise UsageError(f"the request has more than {MAX_BODY_BYTES // 1024 // 1024} MB")
        return None

    def decode_argument(self, value: bytes, name: str | None = None) -> str:  # noqa: ARG002 - Tornado's own
        return value.decode("utf-8", "surrogateescape")

    def query_fields(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """The query's fields; of one that is given twice the last counts."""
        arguments = self.request.query_arguments
        given = {name: self.decode_argument(values[-1]) for name, values in arguments.items()}
        return take_fields(fields, given)

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's own signature
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else HTTPError(status_code)
        status, answer = to_answer(error)
        self.set_status(status)
        self.finish(encode(**answer))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(value, AiosError | HTTPError):
            logger.info("%s %s: %s", self.request.method, self.request.path, value)
        elif not isinstance(value, StreamClosedError):
            logger.error(
                "%s %s failed",
                self.request.method,
                self.request.path,
                exc_info=(typ, value, tb),  # type: ignore[arg-type]
            )


class ApiHandler(BaseHandler):
    """Takes the fields, and answers with what the service returns, here or on other machines."""

    def initialize(
        self, context: Context, line: str, endpoint: Endpoint, answering: Answering, pending: Pending
    ) -> None:
        self.context = context
        self.line = line
        self.endpoint = endpoint
        self.answering = answering
        self.pending = pending

    async def answer(self, **path: str) -> None:
        """Every method comes here: the route has chosen the endpoint."""
        with self.pending:
            given = self.fields(path)
            answer = await self.answering.answer(self.line, self.endpoint, given)
            self.set_status(self.endpoint.status(answer))
            await self.finish(encode(**answer))
            if self.endpoint.afterwards is not None:
                await asyncio.to_thread(call_service, self.endpoint.afterwards, self.context, {})

    def fields(self, path: Mapping[str, str]) -> dict[str, Any]:
        """What the service is given; raises ``UsageError`` that names the wrong field."""
        endpoint = self.endpoint
        body = take_fields(endpoint.body, read_body(self.request.body))
        return take_fields(endpoint.path, path) | self.query_fields(endpoint.query) | body

    get = post = put = delete = answer


class EventsHandler(BaseHandler):
    """A stream of lines that ends when the client leaves or the service stops."""

    def initialize(self, feed: Feed, query: Mapping[str, Field]) -> None:
        self.feed = feed
        self.query = query
        self.subscription: Subscription | None = None

    async def get(self) -> None:
        after = self.query_fields(self.query)["after"]
        async with self.feed.subscribe(after) as self.subscription:
            self.set_header("Content-Type", "application/x-ndjson")
            while lines := await self.subscription.read():
                self.write(lines)
                await self.flush()

    def on_connection_close(self) -> None:
        if self.subscription is not None:
            self.subscription.close()


class UnknownHandler(BaseHandler):
    """Whatever the API does not have."""

    def prepare(self) -> None:
        raise HTTPError(404, log_message=f"the API has no {self.request.method} {self.request.path}")


def log_request(handler: RequestHandler) -> None:
    """One line per request for those who look for it; bodies and answers are never logged."""
    request: HTTPServerRequest = handler.request
    duration_ms = round(1000 * request.request_time(), 1)
    words = (handler.get_status(), request.method, request.path)
    logger.debug("%s %s %s", *words, extra={"duration_ms": duration_ms})


def call_service(service: Callable[..., Any], context: Context, given: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """What the service returns; it begins once more where the ledger was lost and nothing was written."""
    try:
        return service(context, **given)
    except LedgerLost:
        ensure_ledger(context, owns=True)
        return service(context, **given)
