"""The certificate by which browsers know this machine."""

from __future__ import annotations

import ssl

from aios_app.domain.errors import StackError


def server_tls(cert: str, key: str) -> ssl.SSLContext | None:
    """What a server needs to show these files; None where none are given.

    ``StackError`` where they cannot be used. ``cert`` may hold the key, too.
    """
    if not cert and not key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key or None, password=lambda: b"")  # asks nobody
    except (OSError, ValueError) as error:
        raise StackError(f"web_cert and web_key cannot be used ({cert}, {key or cert}): {error}") from error
    return context
