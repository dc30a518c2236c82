"""The frames of a WebSocket (RFC 6455), from bytes and to bytes. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

_LAST = 0x80
_MASKED = 0x80
_LONGEST_CONTROL = 125
_MASK_BYTES = 4


class BadFrame(Exception):
    """What a browser never sends."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def frame(opcode: int, data: bytes) -> bytes:
    """A whole message as the server sends it."""
    size = len(data)
    if size <= _LONGEST_CONTROL:
        return struct.pack("!BB", _LAST | opcode, size) + data
    if size < 1 << 16:
        return struct.pack("!BBH", _LAST | opcode, 126, size) + data
    return struct.pack("!BBQ", _LAST | opcode, 127, size) + data


class Messages:
    """Whole messages out of the bytes that a browser sends; none has more than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self._parts = bytearray()
        self._opcode = CONTINUATION  #: of the message whose parts these are
        self._is_broken = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that are complete now, each with its opcode.

        Raises ``BadFrame`` once; whatever comes after that is dropped.
        """
        if self._is_broken:
            return
        self._bytes += data
        try:
            yield from self._complete()
        except BadFrame:
            self._is_broken = True
            self._bytes.clear()
            raise

    def _complete(self) -> Iterator[tuple[int, bytes]]:
        while (found := self._next_frame()) is not None:
            is_last, opcode, payload = found
            if opcode >= CLOSE:
                yield opcode, payload
            elif (message := self._put_together(opcode, payload, is_last=is_last)) is not None:
                yield message

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        if len(self._bytes) < 2:
            return None
        first, second = self._bytes[:2]
        opcode, size, start = first & 0x0F, second & 0x7F, 2
        if size > _LONGEST_CONTROL:
            start += 2 if size == 126 else 8
            if len(self._bytes) < start:
                return None
            size = int.from_bytes(self._bytes[2:start], "big")
        self._check(first, second, size)
        end = start + _MASK_BYTES + size
        if len(self._bytes) < end:
            return None
        mask, payload = self._bytes[start : start + _MASK_BYTES], self._bytes[start + _MASK_BYTES : end]
        del self._bytes[:end]
        return bool(first & _LAST), opcode, _unmasked(payload, mask)

    def _check(self, first: int, second: int, size: int) -> None:
        """From the head alone, before anything of it is waited for."""
        opcode = first & 0x0F
        if first & 0x70 or not second & _MASKED or opcode not in {0, TEXT, BINARY, CLOSE, PING, PONG}:
            raise BadFrame(1002, "no frame of a browser")
        if opcode >= CLOSE and (size > _LONGEST_CONTROL or not first & _LAST):
            raise BadFrame(1002, "a control frame that is too long or cut")
        if len(self._parts) + size > self._limit:
            raise BadFrame(1009, "message too big")

    def _put_together(self, opcode: int, payload: bytes, *, is_last: bool) -> tuple[int, bytes] | None:
        if (opcode == CONTINUATION) != bool(self._opcode):
            raise BadFrame(1002, "parts of messages in a wrong order")
        self._opcode = self._opcode or opcode
        self._parts += payload
        if not is_last:
            return None
        message = self._opcode, bytes(self._parts)
        self._opcode = CONTINUATION
        self._parts.clear()
        return message


def _unmasked(payload: bytearray, mask: bytearray) -> bytes:
    """All bytes at once, as one number: in Python that is quick."""
    size = len(payload)
    key = int.from_bytes((mask * (size // _MASK_BYTES + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")
