"""Who may come in by the door for browsers: tickets, logins, and links to look at one job.

Every secret is drawn at random and looked up by its hash, so no comparison of it can be timed. Logins and
links outlive the service; tickets do not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

TICKET_S = 60
LOGIN_S = 14 * 24 * 3600
#: Tickets, logins, links, cookies of one link; where there are more the oldest go.
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one secret is good for. ``job`` is 0 for everything, else the one job that may be looked at."""

    key: str  #: the hash of the secret
    expires_s: float
    job: int = 0
    link: str = ""  #: of a cookie that came from a link: the key of the link


class Access:
    """The grants of one instance. Safe for several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """``path`` holds what outlives the service."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._tickets: dict[str, tuple[Grant, str]] = {}
        self._cookies, self._links = _read(path)

    def ticket(self, path: str) -> str:
        """A secret that is good once, for a login that leads to ``path``."""
        with self._lock:
            secret, grant = self._draw(TICKET_S)
            self._tickets[grant.key] = (grant, path)
            _drop(self._tickets, list(self._tickets)[:-_MOST])
            return secret

    def take_ticket(self, secret: str) -> str | None:
        """The path that the ticket leads to; None where it is none, was taken, or is too old."""
        with self._lock:
            grant, path = self._tickets.pop(hashed(secret), (None, ""))
            return path if grant is not None and self._is_good(grant) else None

    def login(self) -> str:
        """The secret of a new login."""
        with self._lock:
            secret, grant = self._draw(LOGIN_S)
            self._keep(self._cookies, grant)
            return secret

    def share(self, job: int, lasts_s: int) -> tuple[str, Grant]:
        """The secret of a new link to look at ``job``."""
        with self._lock:
            secret, grant = self._draw(lasts_s, job=job)
            self._keep(self._links, grant)
            return secret, grant

    def take_link(self, secret: str) -> tuple[str, Grant] | None:
        """A cookie for somebody who came by this link, which stays good; None where it is none any more."""
        with self._lock:
            link = self._links.get(hashed(secret))
            if link is None or not self._is_good(link):
                return None
            cookie, grant = self._draw(link.expires_s - self._clock(), job=link.job, link=link.key)
            self._keep(self._cookies, grant)
            return cookie, grant

    def find(self, secret: str) -> Grant | None:
        """What this cookie is good for now."""
        with self._lock:
            grant = self._cookies.get(hashed(secret))
            return grant if grant is not None and self._is_good(grant) else None

    def end(self, key: str) -> None:
        """Makes one cookie worthless."""
        with self._lock:
            if self._cookies.pop(key, None) is not None:
                self._write()

    def revoke(self, jobs: Collection[int]) -> tuple[int, set[str]]:
        """Ends the links to these jobs, or all links: how many were good, and the keys of their cookies."""
        with self._lock:
            ended = {key: link for key, link in self._links.items() if not jobs or link.job in jobs}
            gone = {key for key, grant in self._cookies.items() if grant.link in ended}
            count = sum(map(self._is_good, ended.values()))
            self._links = {key: link for key, link in self._links.items() if key not in ended}
            self._cookies = {key: grant for key, grant in self._cookies.items() if key not in gone}
            self._write()
            return count, gone

    def _draw(self, lasts_s: float, *, job: int = 0, link: str = "") -> tuple[str, Grant]:
        secret = secrets.token_urlsafe(32)
        expires_s = self._clock() + lasts_s
        return secret, Grant(key=hashed(secret), expires_s=expires_s, job=job, link=link)

    def _is_good(self, grant: Grant) -> bool:
        return self._clock() < grant.expires_s

    def _keep(self, grants: dict[str, Grant], grant: Grant) -> None:
        grants[grant.key] = grant
        _drop(grants, [key for key, old in grants.items() if not self._is_good(old)])
        _drop(grants, [key for key, old in grants.items() if old.link == grant.link][:-_MOST])
        self._write()

    def _write(self) -> None:
        fresh = self._path.with_suffix(".tmp")
        data = {"cookies": self._cookies, "links": self._links}
        text = json.dumps({name: [asdict(one) for one in grants.values()] for name, grants in data.items()})
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(self._path)


def hashed(secret: str) -> str:
    """The hash by which a secret is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _drop(grants: dict[str, Any], keys: Sequence[str]) -> None:
    for key in keys:
        del grants[key]


def _read(path: Path) -> tuple[dict[str, Grant], dict[str, Grant]]:
    """What is no file of ours counts as none: everybody logs in anew."""
    try:
        data = json.loads(path.read_text())
        cookies, links = ([Grant(**one) for one in data[name]] for name in ("cookies", "links"))
    except FileNotFoundError:
        return {}, {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s cannot be read, so all logins are over: %s", path, error)
        return {}, {}
    return {grant.key: grant for grant in cookies}, {grant.key: grant for grant in links}
