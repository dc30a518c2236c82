"""Those who look on in ``terminal.py``: WebSockets of three protocols, and tmux on a bare terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

DEADLINE_S = 60.0
#: Acknowledged to AIOS each time that so much was shown; the others know no such thing.
_ACK_BYTES = 128 * 1024
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Speech:
    """How a server wants to be spoken to."""

    path: str  #: with ``{session}``
    encode: Callable[[bytes], tuple[int, bytes]]  #: what is typed -> opcode, payload
    decode: Callable[[int, bytes], bytes]  #: opcode, payload -> output
    first: tuple[int, bytes] | None = None  #: sent once it is open
    subprotocol: str = ""
    acknowledges: bool = False


def _of_terminado(_opcode: int, payload: bytes) -> bytes:
    message = json.loads(payload)
    return str(message[1]).encode() if message[0] == "stdout" else b""


AIOS = Speech(
    path="/attach/{session}?cols=80&rows=24",
    encode=lambda typed: (_BINARY, typed),
    decode=lambda opcode, payload: payload if opcode == _BINARY else b"",
    acknowledges=True,
)
TERMINADO = Speech(
    path="/websocket/{session}",
    encode=lambda typed: (_TEXT, json.dumps(["stdin", typed.decode()]).encode()),
    decode=_of_terminado,
)
TTYD = Speech(
    path="/ws?arg=={session}",
    encode=lambda typed: (_BINARY, b"0" + typed),
    decode=lambda _opcode, payload: payload[1:] if payload[:1] == b"0" else b"",
    first=(_BINARY, b'{"AuthToken":"","columns":80,"rows":24}'),
    subprotocol="tty",
)


class Viewer:
    """Looks at one session: types, and waits for what is shown."""

    def __init__(self, wanted: bytes) -> None:
        """``wanted`` is what ``found`` waits for, from the first output on."""
        self._look_for(wanted)

    def type(self, typed: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    async def until(self, wanted: bytes) -> float:
        """As ``found``, for what comes from now on."""
        self._look_for(wanted)
        return await self.found()

    async def found(self) -> float:
        """When what is wanted came, by ``time.perf_counter``."""
        return await asyncio.wait_for(self._found, DEADLINE_S)

    def show(self, output: bytes) -> None:
        """Takes output in."""
        if not self._found.done():
            self._seen = self._seen[-len(self._wanted) :] + output
            if self._wanted in self._seen:
                self._found.set_result(time.perf_counter())

    def _look_for(self, wanted: bytes) -> None:
        self._seen, self._wanted = b"", wanted
        self._found: asyncio.Future[float] = asyncio.get_running_loop().create_future()


class Browser(Viewer, asyncio.Protocol):
    """A WebSocket, as little work as can be: the client shares the machine with the server."""

    def __init__(self, speech: Speech, head: bytes, wanted: bytes) -> None:
        super().__init__(wanted)
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._speech = speech
        self._head = head
        self._data = b""
        self._owed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.write(self._head)

    def connection_lost(self, error: Exception | None) -> None:
        for waiting in (self.opened, self._found):
            if not waiting.done():
                waiting.set_exception(error or ConnectionResetError("the server has closed the socket"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.opened.done():
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.opened.set_exception(ConnectionRefusedError(head.decode()))
                return
            self._data = rest
            self.opened.set_result(None)
            if self._speech.first:
                self._send(*self._speech.first)
        self._read_frames()

    def type(self, typed: bytes) -> None:
        self._send(*self._speech.encode(typed))

    def close(self) -> None:
        self._found.cancel()
        self._transport.close()

    def _read_frames(self) -> None:
        at, data = 0, self._data
        while len(data) - at >= 2:
            size, begin = data[at + 1] & 127, at + 2
            if size > 125:
                wide = 2 if size == 126 else 8
                size, begin = int.from_bytes(data[begin : begin + wide], "big"), begin + wide
            if len(data) < begin + size:
                break
            self._take(data[at] & 15, data[begin : begin + size])
            at = begin + size
        self._data = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self._send(_PONG, payload)
        elif opcode in (_TEXT, _BINARY):
            output = self._speech.decode(opcode, payload)
            self.show(output)
            self._owed += len(output) if self._speech.acknowledges else 0
            if self._owed >= _ACK_BYTES:
                self._send(_TEXT, b'{"ack":%d}' % self._owed)
                self._owed = 0

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        assert size < 65536
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        # A mask of zeros changes nothing.
        self._transport.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)


class Bare(Viewer):
    """The tmux client on a terminal of this process's own: what no server can be quicker than."""

    def __init__(self, argv: list[str], wanted: bytes) -> None:
        super().__init__(wanted)
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ.pop("TMUX", None)
            os.environ["TERM"] = "xterm-256color"
            os.execvp(argv[0], argv)  # noqa: S606 - an argv list, as everywhere
        os.set_inheritable(self._terminal, False)  # else the next one keeps this terminal from hanging up
        os.set_blocking(self._terminal, False)
        asyncio.get_running_loop().add_reader(self._terminal, self._read)

    def type(self, typed: bytes) -> None:
        os.write(self._terminal, typed)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._terminal)
        os.close(self._terminal)
        os.waitpid(self._pid, 0)

    def _read(self) -> None:
        self.show(os.read(self._terminal, 65536))


async def connect(
    speech: Speech, port: int, headers: Mapping[str, str], session: str, wanted: bytes
) -> Browser:
    """A browser that looks at the session, and for ``wanted``."""
    usual = {
        "Host": f"127.0.0.1:{port}",
        "Origin": f"http://127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    if speech.subprotocol:
        usual["Sec-WebSocket-Protocol"] = speech.subprotocol
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**usual, **headers}.items())
    head = f"GET {speech.path.format(session=session)} HTTP/1.1\r\n{lines}\r\n".encode()
    loop = asyncio.get_running_loop()
    _, browser = await loop.create_connection(lambda: Browser(speech, head, wanted), "127.0.0.1", port)
    await asyncio.wait_for(browser.opened, DEADLINE_S)
    return browser
