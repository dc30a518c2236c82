"""Pages, the files of the front end, and the ways in and out: ``docs/web.md``."""

from __future__ import annotations

import asyncio
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tornado.web import HTTPError, StaticFileHandler

from aios_app.domain.models import Job
from web.access import LOGIN_S
from web.entrance import shared
from web.guarded import Guarded
from web.lines import encode
from web.peers import is_of_another_user
from web.schema import TEXT, read_body, take_fields

#: What the front end's build makes.
STATIC = Path(__file__).with_name("static")
#: Names that change with what is in the file.
_HASHED = re.compile(r"[.-][A-Za-z0-9]{8,}\.\w+$")
_YEAR_S = 365 * 24 * 3600


class PageHandler(Guarded):
    """A page; whoever may not see it sees the login page."""

    def initialize(self, file: str, needs: str) -> None:
        """``needs`` is ``owner``, ``known`` (a link will do too) or empty."""
        self._file = file
        self._needs = needs

    def get(self, *_: str) -> None:
        is_let_in = {"owner": self.visitor.owner is not None, "known": self.visitor.is_known, "": True}
        if is_let_in[self._needs]:
            self.show(self._file)
        else:
            self.set_status(HTTPStatus.UNAUTHORIZED)
            self.show("login.html")

    def show(self, file: str) -> None:
        """The file as the whole answer."""
        page = _built(file)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page)


class FileHandler(Guarded, StaticFileHandler):
    """Files of the front end. They hold nothing of anybody, so they need no login."""

    def set_extra_headers(self, path: str) -> None:
        kept = f"max-age={_YEAR_S}, immutable" if _HASHED.search(path) else "no-cache"
        self.set_header("Cache-Control", kept)

    def compute_etag(self) -> str | None:
        return StaticFileHandler.compute_etag(self)


class IconHandler(Guarded):
    """What browsers ask for by themselves beside whatever page or file they show."""

    def get(self) -> None:
        icon = _built("icon.svg")
        self.set_header("Cache-Control", "max-age=86400")
        self.set_header("Content-Type", "image/svg+xml")
        self.finish(icon)


class LoginHandler(PageHandler):
    """In by a ticket of the command line, or by the token."""

    def get(self, *_: str) -> None:
        """The address with the ticket is left at once, by the page itself.

        After a redirection browsers would keep the cookie back where another place had led them here.
        """
        ticket = self.get_query_argument("ticket", "")
        path = self._take(ticket) if ticket else None
        if path is None:
            self.set_status(HTTPStatus.UNAUTHORIZED if ticket else HTTPStatus.OK)
            self.show("login.html")
            return
        self._let_in()
        self.set_header("Refresh", f"0; url={path}")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish("<!doctype html><title>AIOS</title>")

    def post(self) -> None:
        token = take_fields({"token": TEXT}, read_body(self.request.body))["token"]
        if not self.is_token(token):
            raise HTTPError(HTTPStatus.UNAUTHORIZED, "this is not the web_token")
        self._let_in()
        self.finish(encode())

    def _let_in(self) -> None:
        give_cookie(self, self.door.place.cookie, self.door.access.login(), LOGIN_S)

    def _take(self, ticket: str) -> str | None:
        """The path that the ticket leads to; a ticket that somebody else has seen is worth nothing."""
        connection: Any = self.request.connection
        place = self.door.place
        if place.is_local and is_of_another_user(connection.context.address[1], place.port):
            return None
        return self.door.access.take_ticket(ticket)


class LogoutHandler(Guarded):
    """Out, with whatever this browser could do here."""

    def post(self) -> None:
        self.require_known()
        owner, shares = self.visitor.owner, self.visitor.shares.values()
        keys = {grant.key for grant in (*shares, *((owner,) if owner else ()))}
        for key in keys:
            self.door.access.end(key)
        self.door.cut_off(keys)
        self.finish(encode())


class ShareHandler(Guarded):
    """In by a link, to look at one job."""

    async def post(self) -> None:
        token = take_fields({"token": TEXT}, read_body(self.request.body))["token"]
        found = self.door.access.take_link(token)
        job = await self._job(found[1].job) if found else None
        if found is None or job is None:
            raise HTTPError(HTTPStatus.UNAUTHORIZED, "this link is over: ask for a new one")
        cookie, grant = found
        give_cookie(self, f"{self.door.place.cookie}-{grant.job}", cookie, grant.expires_s - time.time())
        path = f"/terminal.html?session={job.name}"
        await self.finish(encode(path=path, job=shared(job.to_json())))

    async def _job(self, number: int) -> Job | None:
        return await asyncio.to_thread(self.door.context.ledger.job, number)


class SessionHandler(Guarded):
    """Who this browser is."""

    async def get(self) -> None:
        self.require_no_other_page()
        self.require_known()
        jobs = await asyncio.to_thread(self.door.context.ledger.jobs, list(self.visitor.shares))
        kind = "owner" if self.visitor.owner else "share"
        await self.finish(encode(kind=kind, jobs=[shared(job.to_json()) for job in jobs]))


def _built(file: str) -> bytes:
    try:
        return (STATIC / file).read_bytes()
    except FileNotFoundError as error:
        raise HTTPError(HTTPStatus.NOT_FOUND, "the pages were not built: script/setup") from error


def give_cookie(handler: Guarded, name: str, secret: str, lasts_s: float) -> None:
    """A cookie that no script sees and no other site's page sends along."""
    is_tls = handler.door.place.tls is not None
    handler.set_cookie(
        name, secret, path="/", expires=time.time() + lasts_s, httponly=True, secure=is_tls, samesite="Strict"
    )
