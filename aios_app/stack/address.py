"""Where Redis is, in the words of each library that connects to it."""

from __future__ import annotations

import socket
from urllib.parse import parse_qs, quote, unquote, urlsplit

from aios_app.domain.errors import StackError
from aios_app.settings import Settings

#: Seconds that a Redis of the person's own has to accept a connection.
_CONNECT_S = 5.0
_REDIS_PORT = 6379

_CELERY_SOCKET = "redis+socket"
_PLAIN_SOCKET = "unix"


def redis_url(settings: Settings) -> str:
    """The broker's URL for Celery; ``unix://`` in ``AIOS_REDIS_URL`` is put into Celery's own words."""
    if settings.redis_url is None:
        return f"{_CELERY_SOCKET}://{_own_socket(settings)}?virtual_host=0"
    return _translated(settings.redis_url, _PLAIN_SOCKET, "db", _CELERY_SOCKET, "virtual_host")


def redis_py_url(settings: Settings) -> str:
    """The same server and database for redis-py's ``from_url``."""
    if settings.redis_url is None:
        return f"{_PLAIN_SOCKET}://{_own_socket(settings)}?db=0"
    return _translated(settings.redis_url, _CELERY_SOCKET, "virtual_host", _PLAIN_SOCKET, "db")


def check_outside_redis(settings: Settings) -> None:
    """Raises ``StackError`` where Redis is not the embedded one and nothing accepts connections there."""
    if settings.redis_url is None:
        return
    try:
        _connection(settings.redis_url).close()
    except (OSError, ValueError) as error:
        place = _without_password(settings.redis_url)
        who = "which AIOS_REDIS_URL names" if not settings.is_member else "the Redis of this cluster"
        raise StackError(f"Redis does not answer at {place}, {who}: {error}") from error


def _connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme not in {_PLAIN_SOCKET, _CELERY_SOCKET}:
        return socket.create_connection(
            (parts.hostname or "localhost", parts.port or _REDIS_PORT), _CONNECT_S
        )
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_CONNECT_S)
    try:
        connection.connect(unquote(parts.path))
    except OSError:
        connection.close()
        raise
    return connection


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _own_socket(settings: Settings) -> str:
    """The socket of the embedded server, after the password where it has one."""
    password = settings.redis_password
    return (f":{quote(password, safe='')}@" if password else "") + quote(bytes(settings.redis_socket))


def _translated(url: str, scheme: str, key: str, other_scheme: str, other_key: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != scheme:
        return url
    database = parse_qs(parts.query).get(key, ["0"])[0]
    return f"{other_scheme}://{parts.netloc}{parts.path}?{other_key}={database}"
