"""What each request from a browser must pass before anything else happens: Host, Origin, login.

Being on this machine is no protection: any page that a browser shows can send requests here, and names can
be made to lead here. So ``Host`` is compared as a whole, and what changes something, or opens a socket, must
come from a page of ours.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from tornado.web import HTTPError

from web.access import Grant, hashed
from web.door import Door
from web.handlers import BaseHandler

_SAFE_METHODS = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_TOKEN = Grant(key="token", expires_s=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks: the person, as ``owner``, or whom links allow to look at jobs, by the jobs' numbers."""

    owner: Grant | None
    shares: Mapping[int, Grant]

    @property
    def is_known(self) -> bool:
        return self.owner is not None or bool(self.shares)

    def grant_for(self, job: int) -> Grant | None:
        """By what this visitor may look at the job."""
        return self.owner or self.shares.get(job)


class Guarded(BaseHandler):
    """A handler behind the door. It knows the ``visitor``; what that may do is up to each."""

    visitor: Visitor
    has_token: bool  #: the visitor is a program

    @property
    def door(self) -> Door:
        door: Door = self.settings["door"]
        return door

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> Awaitable[None] | None:
        if self.request.headers.get_list("Host") not in ([host] for host in self.door.place.hosts):
            raise HTTPError(HTTPStatus.FORBIDDEN, "this is not a name of this AIOS: see web_hosts")
        super().prepare()
        self.has_token = self._shows_token()
        self.visitor = self._find_visitor()
        if self.request.method not in _SAFE_METHODS and not self.has_token:
            self.require_own_page()
            self.require_script()
        return None

    def require_own_page(self) -> None:
        """Refuses what a page of another place has sent, and what no page has sent."""
        origins = self.request.headers.get_list("Origin")
        if len(origins) != 1 or not self.door.place.is_own(origins[0], self.request.host):
            raise HTTPError(HTTPStatus.FORBIDDEN, "only pages of this AIOS may ask for this")

    def require_no_other_page(self) -> None:
        """Refuses what a browser says that another place's page has sent."""
        if self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise HTTPError(HTTPStatus.FORBIDDEN, "only pages of this AIOS may ask for this")

    def require_known(self) -> None:
        """Refuses who has neither login nor link."""
        if not self.visitor.is_known:
            raise HTTPError(HTTPStatus.UNAUTHORIZED, "no login: aios attach JOB --web gives an address")

    def require_owner(self) -> None:
        """Refuses who is not logged in as the person."""
        self.require_known()
        if self.visitor.owner is None:
            raise HTTPError(HTTPStatus.FORBIDDEN, "a link to look at a job allows nothing else")

    def is_token(self, secret: str) -> bool:
        """Whether this is the setting ``web_token``."""
        wanted = self.door.place.token
        return bool(wanted) and hmac.compare_digest(f"sha256:{hashed(secret)}", wanted)

    def require_script(self) -> None:
        """Refuses what a form could send. What it cannot, browsers ask for before another page sends it."""
        headers = self.request.headers
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" or headers.get("X-AIOS") != "1":
            raise HTTPError(HTTPStatus.FORBIDDEN, "Content-Type: application/json and X-AIOS: 1 are missing")

    def _shows_token(self) -> bool:
        """A program that shows the token. A browser never does by itself, so its Origin is not asked for."""
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and self.is_token(token)

    def _find_visitor(self) -> Visitor:
        name = self.door.place.cookie
        grants = [
            grant
            for cookie in self.request.cookies.values()
            if cookie.key == name or cookie.key.startswith(f"{name}-")
            if (grant := self.door.access.find(cookie.value)) is not None
        ]
        owner = next((grant for grant in grants if not grant.job), _TOKEN if self.has_token else None)
        return Visitor(owner=owner, shares={grant.job: grant for grant in grants if grant.job})
