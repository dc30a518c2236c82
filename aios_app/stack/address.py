"""Where Redis is, in the words of each library that connects to it."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

from aios_app.settings import Settings

_CELERY_SOCKET = "redis+socket"
_PLAIN_SOCKET = "unix"


def redis_url(settings: Settings) -> str:
    """The broker's URL for Celery; ``unix://`` in ``AIOS_REDIS_URL`` is put into Celery's own words."""
    if settings.redis_url is None:
        return f"{_CELERY_SOCKET}://{_quoted(settings)}?virtual_host=0"
    return _translated(settings.redis_url, _PLAIN_SOCKET, "db", _CELERY_SOCKET, "virtual_host")


def redis_py_url(settings: Settings) -> str:
    """The same server and database for redis-py's ``from_url``."""
    if settings.redis_url is None:
        return f"{_PLAIN_SOCKET}://{_quoted(settings)}?db=0"
    return _translated(settings.redis_url, _CELERY_SOCKET, "virtual_host", _PLAIN_SOCKET, "db")


def _quoted(settings: Settings) -> str:
    return quote(bytes(settings.redis_socket))


def _translated(url: str, scheme: str, key: str, other_scheme: str, other_key: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != scheme:
        return url
    database = parse_qs(parts.query).get(key, ["0"])[0]
    return f"{other_scheme}://{parts.netloc}{parts.path}?{other_key}={database}"
