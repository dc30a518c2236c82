"""How much output may be on its way to a browser."""

from __future__ import annotations

import pytest

from web.window import ACKED, SENT, Window


class Told(Window):
    """Keeps what it told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        super().__init__(on_full=lambda: self.told.append("full"), on_room=lambda: self.told.append("room"))


@pytest.fixture
def window() -> Told:
    return Told()


def test_what_is_sent_and_not_acknowledged_fills_it(window: Told) -> None:
    for _ in range(ACKED[0] // 1024):
        assert window.told == []
        window.put(1024)
        window.sent(1024)

    assert window.told == ["full"]
    assert window.acknowledge(ACKED[0] - ACKED[1] - 1)
    assert window.told == ["full"]
    assert window.acknowledge(1)
    assert window.told == ["full", "room"]


def test_what_is_acknowledged_and_not_sent_fills_it_too(window: Told) -> None:
    window.put(SENT[0])
    assert window.acknowledge(SENT[0])
    assert window.told == ["full"]

    window.sent(SENT[0] - SENT[1] - 1)
    assert window.told == ["full"]
    window.sent(1)
    assert window.told == ["full", "room"]


def test_it_tells_once(window: Told) -> None:
    window.put(ACKED[0])
    window.put(ACKED[0])

    assert window.told == ["full"]


def test_more_than_was_given_cannot_be_acknowledged(window: Told) -> None:
    window.put(10)

    assert [window.acknowledge(11), window.acknowledge(-1), window.acknowledge(10)] == [False, False, True]
    assert not window.acknowledge(1)
