"""Where Redis is, in the words of each library that connects to it."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from urllib.parse import parse_qs, quote, unquote, urlsplit

from aios_app.domain.errors import StackError
from aios_app.settings import Settings

#: Seconds that a Redis of the person's own has to accept a connection.
_CONNECT_S = 5.0
_REDIS_PORT = 6379
_LONGEST_ANSWER = 512

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


def check_outside_redis(settings: Settings, *, named_by: str = "AIOS_REDIS_URL") -> None:
    """Raises ``StackError`` where Redis is not the embedded one, and does not answer or lets nobody in."""
    if settings.redis_url is None:
        return
    whose = "the Redis of this cluster" if settings.is_member else f"which {named_by} names"
    anew = ". Where that machine was moved: aios join-token there, then aios worker --join TOKEN here"
    mend = anew if settings.is_member else ""
    place = _without_password(settings.redis_url)
    try:
        with closing(_connection(settings.redis_url)) as connection:
            refusal = _refusal(connection, settings.redis_url)
    except ssl.SSLCertVerificationError as error:
        raise StackError(
            f"{place}, {whose}, shows a certificate that is not trusted here: {error}{mend}"
        ) from error
    except (OSError, ValueError) as error:
        raise StackError(f"Redis does not answer at {place}, {whose}: {error}{mend}") from error
    if refusal:
        removed = "this machine was removed from its cluster (aios worker --join TOKEN joins anew), or "
        raise StackError(
            f"{place}, {whose}, does not let this machine in: {removed if settings.is_member else ''}the "
            f"password in its URL is wrong ({refusal})"
        )


def _connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme not in {_PLAIN_SOCKET, _CELERY_SOCKET}:
        host = parts.hostname or "localhost"
        connection = socket.create_connection((host, parts.port or _REDIS_PORT), _CONNECT_S)
        return _encrypted(connection, url) if parts.scheme == "rediss" else connection
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_CONNECT_S)
    try:
        connection.connect(unquote(parts.path))
    except OSError:
        connection.close()
        raise
    return connection


def _encrypted(connection: socket.socket, url: str) -> socket.socket:
    parts = urlsplit(url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    tls = ssl.create_default_context(cafile=asked.get("ssl_ca_certs"))
    if asked.get("ssl_cert_reqs", "required").lower() not in {"required", "cert_required"}:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    elif asked.get("ssl_check_hostname", "true").lower() == "false":
        tls.check_hostname = False
    try:
        return tls.wrap_socket(connection, server_hostname=parts.hostname)
    except OSError:
        connection.close()
        raise


def _refusal(connection: socket.socket, url: str) -> str:
    """What Redis says against the user and the password of the URL; empty where it takes them."""
    parts = urlsplit(url)
    words = [unquote(word) for word in (parts.username, parts.password) if word]
    command = ["AUTH", *words] if words else ["PING"]
    encoded = [word.encode("utf-8", "surrogateescape") for word in command]
    request = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
    connection.sendall(b"*%d\r\n%s" % (len(encoded), request))
    answer = connection.recv(_LONGEST_ANSWER)
    if not answer:
        raise OSError("it ended the connection")
    refused = answer.startswith((b"-WRONGPASS", b"-NOAUTH", b"-NOPERM"))
    return answer[1:].decode("utf-8", "replace").strip() if refused else ""


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
