"""Threads for what takes minutes: how many at once, each once, and their end."""

from __future__ import annotations

import threading

from workers.long_tasks import LongTasks

#: Seconds in which a thread must have come so far.
_SOON_S = 5


def test_no_more_than_its_size_are_at_work_and_all_come_to_it() -> None:
    tasks, gate, begun, ended = (
        LongTasks(2),
        threading.Event(),
        threading.Semaphore(0),
        threading.Semaphore(0),
    )

    def call() -> None:
        begun.release()
        gate.wait(_SOON_S)
        ended.release()

    assert all(tasks.start(str(number), call) for number in range(5))
    assert begun.acquire(timeout=_SOON_S)
    assert begun.acquire(timeout=_SOON_S)
    assert not begun.acquire(timeout=0.1)
    gate.set()
    assert all(ended.acquire(timeout=_SOON_S) for _ in range(5))


def test_a_key_is_at_work_once_and_can_come_again_afterwards() -> None:
    tasks, gate = LongTasks(2), threading.Event()

    assert tasks.start("a", lambda: gate.wait(_SOON_S))
    assert not tasks.start("a", gate.set)
    gate.set()
    assert tasks.stop(_SOON_S)

    again, done = LongTasks(1), threading.Event()
    assert again.start("a", lambda: None)
    again.start("b", done.set)  # one thread: by then the first is over
    assert done.wait(_SOON_S)
    assert again.start("a", lambda: None)


def test_a_call_that_fails_keeps_no_other_from_its_turn() -> None:
    tasks, done = LongTasks(1), threading.Event()

    def fail() -> None:
        raise RuntimeError

    tasks.start("a", fail)
    tasks.start("b", done.set)

    assert done.wait(_SOON_S)


def test_stop_begins_nothing_more_and_says_whether_something_is_cut_off() -> None:
    tasks, begun, gate, late = LongTasks(1), threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        gate.wait(_SOON_S)

    tasks.start("a", call)
    tasks.start("b", late.set)
    assert begun.wait(_SOON_S)

    assert not tasks.stop(0.05)
    assert not tasks.start("c", late.set)
    gate.set()

    assert tasks.stop(_SOON_S)
    assert not late.is_set()
