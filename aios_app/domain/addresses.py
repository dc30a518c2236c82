"""Addresses of repositories as a person writes them."""

from __future__ import annotations

import re

from aios_app.domain.errors import BadValue

_SCHEMES = ("https", "http", "ssh", "git", "file")
#: ``host:path`` and ``user@host:path``: no slash comes before the colon.
_SHORT = re.compile(r"[^/:@\s]+@[^/:\s]+:(?!:).+|[^/:@\s]{2,}:(?!:|//).+", re.DOTALL)
_MOST = 2000


def is_address(word: str) -> bool:
    """Whether the word is meant as an address, not as a path."""
    return "://" in word or "::" in word or _SHORT.fullmatch(word) is not None


def check_address(url: str) -> str:
    """The address, where any machine may give it to git; raises ``BadValue`` else."""
    shown = repr(url[:80])
    if len(url) > _MOST or not url.isprintable() or any(char.isspace() for char in url):
        raise BadValue(
            f"{shown} is no address: blanks and control characters are written as %20 and the like"
        )
    scheme, is_full, rest = url.partition("://")
    if is_full and (scheme not in _SCHEMES or not rest.strip("/")):
        raise BadValue(f"{shown} is no address to clone from: https, http, ssh, git or file://")
    if not is_full and _SHORT.fullmatch(url) is None:
        raise BadValue(f"{shown} is no address to clone from: https, http, ssh, git or file://")
    if any(part.startswith("-") for part in (url, *_hosts(rest if is_full else url.partition(":")[0]))):
        raise BadValue(f"{shown} is no address: nothing in it may begin with a dash")
    if scheme in {"https", "http"} and ":" in rest.partition("/")[0].rpartition("@")[0]:
        raise BadValue("the address holds a password: leave it out, and give git a credential helper")
    return url


def name_in(url: str) -> str:
    """What its last part calls the repository."""
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git") or "project"


def _hosts(rest: str) -> tuple[str, str]:
    """User and host, either of which ssh would take for an option."""
    user, _, host = rest.partition("/")[0].rpartition("@")
    return user, host
