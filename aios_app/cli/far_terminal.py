"""The terminal of another machine's job on this one: ``python -m aios_app.cli.far_terminal``.

It is shown through the socket of this machine's service, as in a browser. Whatever happens, the terminal is
left as it was found.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import websocket

from aios_app.cli import exits, output, terminal

_ENDED, _DETACHED = 4000, 4001
#: The person has left by a key of this program's own.
_LEFT = -1
#: The connection is gone, and comes back when it is asked for again.
_LOST = frozenset({0, 1001, 1006})
#: An agent that was closed is started again first.
_HELLO_S = 60.0
_ACK_BYTES = 128 * 1024
_INPUT_BYTES = 64 * 1024
#: Ends any sequence, and all modes that a full-screen program may have left behind.
_RESET = (
    b"\x18\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[>4m\x1b[?1l\x1b>"
    b"\x1b[?25h\x1b[0 q\x1b[m"
)
_LEAVE_KEYS = b"q\x03\x04"
_STDIN, _STDOUT = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is looked at: a session behind the service's socket; ``label`` is what a person calls it."""

    socket: Path
    session: str
    label: str
    read_only: bool


def main(words: Sequence[str]) -> int:
    """Shows the session until it ends, or the person leaves it; the exit code says how."""
    path, session, label, *flags = words
    sight = Sight(socket=Path(path), session=session, label=label, read_only="--read-only" in flags)
    try:
        return _say_end(sight, *_show(sight))
    except (OSError, websocket.WebSocketException) as error:
        return _say_end(sight, 0, str(error))
    except KeyboardInterrupt:
        return exits.INTERRUPTED


def _show(sight: Sight) -> tuple[int, str]:
    """Code and reason of the end."""
    link, descriptor = _connected(sight)
    with closing(link):
        link.settimeout(_HELLO_S)
        opcode, data = link.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return _ending(data)
        link.settimeout(None)
        if sight.read_only:
            output.note("you only look: q leaves")
        with _raw() as woken, _tidied() as tell:
            end = _carry(link, descriptor, woken, read_only=sight.read_only)
            tell(end[0])
            return end


def _connected(sight: Sight) -> tuple[websocket.WebSocket, int]:
    """The open socket, and its descriptor."""
    columns, rows = terminal.size()
    asked = f"cols={columns}&rows={rows}&read_only={int(sight.read_only)}"
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(sight.socket))
        url = f"ws://localhost/attach/{quote(sight.session, safe='')}?{asked}"
        link = websocket.create_connection(url, timeout=_HELLO_S, socket=connection, suppress_origin=True)
    except BaseException:
        connection.close()
        raise
    return link, connection.fileno()


def _carry(link: websocket.WebSocket, coming: int, woken: int, *, read_only: bool) -> tuple[int, str]:
    """Both ways, and each new size, until either side ends."""
    shown = 0
    with selectors.DefaultSelector() as ready:
        for descriptor in (coming, _STDIN, woken):
            ready.register(descriptor, selectors.EVENT_READ)
        while True:
            names = {key.fd for key, _ in ready.select()}
            if woken in names:
                os.read(woken, _INPUT_BYTES)
                link.send(json.dumps({"resize": terminal.size()}))
            if _STDIN in names and not _type(link, read_only=read_only):
                return _LEFT, ""
            if coming not in names:
                continue
            opcode, data = link.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return _ending(data)
            if opcode == websocket.ABNF.OPCODE_BINARY:
                _write(data)
                shown = _acknowledged(link, shown + len(data))


def _type(link: websocket.WebSocket, *, read_only: bool) -> bool:
    """Sends what was typed; False where the person leaves, or their terminal is gone."""
    data = os.read(_STDIN, _INPUT_BYTES)
    if read_only:
        return bool(data) and not any(key in data for key in _LEAVE_KEYS)
    if data:
        link.send_binary(data)
    return bool(data)


def _acknowledged(link: websocket.WebSocket, shown: int) -> int:
    """How many bytes were shown of which the other side does not know yet."""
    if shown < _ACK_BYTES:
        return shown
    link.send(json.dumps({"ack": shown}))
    return 0


def _ending(data: bytes) -> tuple[int, str]:
    return int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace")


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(_STDOUT, data) :]


@contextmanager
def _raw() -> Iterator[int]:
    """The terminal passes every key on; what is given can be read when its size has changed."""
    before = termios.tcgetattr(_STDIN)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGWINCH, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        tty.setraw(_STDIN)
        yield reading
    finally:
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(_STDIN, termios.TCSAFLUSH, before)
        os.close(reading)
        os.close(writing)


@contextmanager
def _tidied() -> Iterator[Callable[[int], None]]:
    """Ends the modes of a full-screen program, unless it is told a code with which tmux has done that."""
    codes: list[int] = []
    try:
        yield codes.append
    finally:
        if not codes or codes[0] not in {_ENDED, _DETACHED}:
            with contextlib.suppress(OSError):
                _write(_RESET)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _say_end(sight: Sight, code: int, reason: str) -> int:
    label = output.clean(sight.label)
    if code == _ENDED:
        output.note(f"the session of {label} has ended")
    elif code in {_DETACHED, _LEFT}:
        output.note(f"detached from {label}, which goes on")
    elif code in _LOST:
        output.note(f"the connection to {label} is gone ({output.clean(reason)}): aios attach brings it back")
    else:
        output.note(output.clean(reason))
    return exits.DONE if code in {_ENDED, _DETACHED, _LEFT} else exits.EXTERNAL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
