"""``python -m aios_app.stack.relay``: other machines reach the embedded Redis by TLS.

The server itself speaks no TLS. Bytes are passed on as they come, both ways; who may do what is up to the
server, and who is not let in by it at once is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
from collections import Counter

from aios_app import logs
from aios_app.domain.errors import StackError
from aios_app.settings import Settings, load
from aios_app.stack.certificates import make_authority, make_certificate

logger = logging.getLogger("relay")

#: Connections at once; each takes two descriptors.
_MOST = 3500
#: Of one address: nobody takes all of them.
_MOST_OF_ONE = 600
#: Seconds for the TLS handshake.
_HANDSHAKE_S = 10.0
#: Seconds until the server has let somebody in: strangers hold no connections.
_LOGIN_S = 10.0
#: How it answers AUTH, and HELLO with a password; nobody else is answered so.
_WELCOMES = (b"+OK", b"%", b"*")
#: Bytes of one direction that wait for a reader that is slower than the other side.
_BUFFER = 1 << 18
_READ = 1 << 16
#: A machine that was cut off is missed after half a minute, and Redis told so.
_KEEPALIVE = {
    socket.TCP_KEEPIDLE: 15,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 30_000,
    socket.TCP_NODELAY: 1,
}


class Relay:
    """Takes connections on one port and passes them on to the server's socket."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_address: Counter[str] = Counter()

    async def open(self) -> asyncio.Server:
        """Listens from now on; ``StackError`` where it cannot."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(*relay_certificate(self._settings))
        listener = listening_socket(self._settings.listen, self._settings.relay_port)
        return await asyncio.start_server(
            self._serve, sock=listener, ssl=tls, ssl_handshake_timeout=_HANDSHAKE_S, limit=_READ
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        if self._by_address.total() >= _MOST or self._by_address[address] >= _MOST_OF_ONE:
            logger.warning("too many connections, one more refused to %s", address)
            writer.transport.abort()
            return
        self._by_address[address] += 1
        try:
            await self._pass_on(reader, writer)
        except asyncio.CancelledError:
            return  # the relay ends: asyncio would report each connection that was open as a failure
        finally:
            self._by_address[address] -= 1

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for option, value in _KEEPALIVE.items():
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, value)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            to_reader, to_writer = await asyncio.open_unix_connection(
                self._settings.redis_socket, limit=_READ
            )
        except OSError:
            writer.transport.abort()  # they come again, as they do when their own server is restarted
            return
        copies = [
            asyncio.create_task(_copy(reader, to_writer)),
            asyncio.create_task(_answer(to_reader, writer)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            for end in (to_writer, writer):
                end.transport.abort()
            await asyncio.gather(*copies, return_exceptions=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on the server's answers; ends after the first one where that is a refusal."""
    first = await asyncio.wait_for(reader.read(_READ), _LOGIN_S)
    writer.write(first)
    if first.startswith(_WELCOMES):
        await _copy(reader, writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(_BUFFER)
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ):
            writer.write(data)
            await writer.drain()


def relay_certificate(settings: Settings) -> tuple[str, str]:
    """The files that the relay shows; made, with the authority, where there are none."""
    authority = make_authority(settings.cluster_dir, "cluster")
    certificate, key = make_certificate(settings.cluster_dir / "relay", [settings.listen], authority)
    return str(certificate), str(key)


def listening_socket(address: str, port: int) -> socket.socket:
    """It may be an address that this machine has only later, such as that of another network."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            listener.bind(place)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StackError(f"cannot listen on {address} port {port}: {error.strerror or error}") from error
    return listener


#: Of Linux; the module ``socket`` has no name for it.
_IP_FREEBIND = 15


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = await Relay(settings).open()
    logger.info("open to other machines at %s port %s", settings.listen, settings.relay_port)
    await stopping.wait()
    server.close()


def main() -> int:
    """Relays until a signal; 1 where it cannot begin."""
    settings = load()
    logs.configure(settings, "relay")
    try:
        asyncio.run(_serve(settings))
    except StackError as error:
        logger.error("%s", error)  # noqa: TRY400 - the sentence is for a person
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
