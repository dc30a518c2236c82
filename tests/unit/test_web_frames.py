"""WebSocket frames from bytes and to bytes."""

from __future__ import annotations

import struct
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, BadFrame, Messages, frame

MASK = b"\x01\x82\x37\xff"


def sent(opcode: int, data: bytes, *, is_last: bool = True, mask: bytes = MASK) -> bytes:
    """As a browser sends it."""
    size = len(data)
    head = bytes([(0x80 if is_last else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += struct.pack("!BH", 0xFE, size) if size < 65536 else struct.pack("!BQ", 0xFF, size)
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
def test_a_message_of_any_size_arrives_unmasked(size: int) -> None:
    data = bytes(n % 251 for n in range(size))

    assert list(Messages(1 << 20).feed(sent(BINARY, data))) == [(BINARY, data)]


@given(st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING]), st.binary(max_size=125))), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(
    messages: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(sent(*message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    reader, got = Messages(1000), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += list(reader.feed(stream[start:end]))

    assert got == messages


def test_the_parts_of_a_message_are_put_together_and_a_ping_may_come_between() -> None:
    parts = sent(TEXT, b"a", is_last=False) + sent(PING, b"x") + sent(CONTINUATION, b"b", is_last=False)

    assert list(Messages(10).feed(parts + sent(CONTINUATION, b"c"))) == [(PING, b"x"), (TEXT, b"abc")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x01x", 1002),  # not masked
        (b"\xc2\x80", 1002),  # compressed
        (b"\x83\x80", 1002),  # an opcode that is none
        (b"\x09\x80", 1002),  # a ping in parts
        (b"\x89\xfe\x00\x80", 1002),  # a long ping
        (sent(CONTINUATION, b"x"), 1002),
        (sent(TEXT, b"x", is_last=False) + sent(TEXT, b"y"), 1002),
        (b"\x82\xfe\x03\xe9", 1009),
        (b"\x82\xff" + b"\xff" * 8, 1009),
        (sent(TEXT, b"x" * 600, is_last=False) + b"\x00\xfe\x01\xf4", 1009),
    ],
)
def test_what_no_browser_sends_is_refused_by_its_head_alone(data: bytes, code: int) -> None:
    with pytest.raises(BadFrame) as refused:
        list(Messages(1000).feed(data))

    assert refused.value.code == code


def test_after_what_no_browser_sends_nothing_is_taken_or_kept() -> None:
    reader = Messages(1000)
    with pytest.raises(BadFrame):
        list(reader.feed(b"\x83\x80"))
    tracemalloc.start()
    try:
        assert [list(reader.feed(sent(TEXT, b"x"))) for _ in range(1000)] == [[]] * 1000
        assert [list(reader.feed(bytes(1_000_000))) for _ in range(10)] == [[]] * 10
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_message_in_a_great_many_parts_costs_no_more_for_each() -> None:
    reader = Messages(1000)
    list(reader.feed(sent(TEXT, b"", is_last=False)))
    began = time.process_time()
    list(reader.feed(sent(CONTINUATION, b"", is_last=False) * 50_000))

    assert time.process_time() - began < 2
    assert list(reader.feed(sent(CONTINUATION, b"end"))) == [(TEXT, b"end")]


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x82\x00"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65536, b"\x82\x7f" + bytes(5) + b"\x01\x00\x00"),
    ],
)
def test_what_the_server_sends_has_the_shortest_head(size: int, head: bytes) -> None:
    assert frame(BINARY, b"x" * size) == head + b"x" * size
    assert frame(CLOSE, b"")[0] == 0x88
