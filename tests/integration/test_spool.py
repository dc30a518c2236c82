"""Signals as files, and the watcher that reads them."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.domain.errors import ExternalError
from aios_app.spool.files import MAX_PAYLOAD_BYTES, Signal
from aios_app.spool.launch import HOOK, prepare_attempt, session_environment
from aios_app.spool.watcher import MAX_REJECTED, SpoolWatcher
from tests.integration.spool_writing import write_signal

WAIT_S = 5.0


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


@contextmanager
def watching(spool: Path, handle: Callable[[Signal], None]) -> Iterator[SpoolWatcher]:
    watcher = SpoolWatcher(spool, handle)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()


def take(signals: queue.Queue[Signal]) -> Signal:
    return signals.get(timeout=WAIT_S)


def hook(spool: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "AIOS_SPOOL": str(spool), "AIOS_ATTEMPT": "a1"}
    command = ["/bin/sh", str(HOOK), *words]
    return subprocess.run(command, input=stdin, env=environment, capture_output=True, timeout=5, check=False)


def files(spool: Path) -> list[str]:
    return sorted(path.name for path in spool.iterdir() if path.name != "rejected")


def test_what_was_written_while_nobody_watched_is_handled_first_and_in_order(spool: Path) -> None:
    for seq, kind in [(30, "exit"), (9, "started"), (100, "turn"), (20, "prompt")]:
        (spool / f"a1.{seq}.{kind}").write_bytes(b"p")
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        kinds = [take(signals).kind for _ in range(4)]

    assert kinds == ["started", "prompt", "exit", "turn"]
    assert files(spool) == []


def test_what_an_attempt_said_of_its_end_is_known_before_the_end_of_its_session(spool: Path) -> None:
    (spool / ".tmux.closed").touch()
    write_signal(spool, "a1", "exit")
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        assert [take(signals).kind, take(signals).kind] == ["exit", "closed"]


def test_a_signal_is_handled_when_it_appears_and_its_file_is_removed(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        path = write_signal(spool, "a1", "turn", b'{"message": "done"}')
        signal = take(signals)

    assert (signal.attempt, signal.kind, signal.payload) == ("a1", "turn", b'{"message": "done"}')
    assert not path.exists()


def test_of_a_thousand_signals_from_many_writers_none_is_missed(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put), ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda n: write_signal(spool, f"a{n}", "turn").name, range(1000)))
        handled = {take(signals).attempt for _ in range(1000)}

    assert handled == {name.split(".")[0] for name in written}
    assert signals.empty()


def test_a_signal_that_cannot_be_handled_is_kept_and_holds_back_only_its_own_attempt(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()
    is_down = threading.Event()
    is_down.set()

    def handle(signal: Signal) -> None:
        if is_down.is_set() and signal.kind == "turn":
            raise ConnectionError
        signals.put(signal)

    with watching(spool, handle) as watcher:
        write_signal(spool, "a1", "turn")
        write_signal(spool, "a1", "exit")
        write_signal(spool, "a2", "exit")
        assert take(signals).attempt == "a2"
        assert len(files(spool)) >= 2

        is_down.clear()
        watcher.rescan()

        assert [take(signals).kind, take(signals).kind] == ["turn", "exit"]
    assert files(spool) == []


def test_what_is_not_handled_stays_for_the_next_watcher(spool: Path) -> None:
    first, second = queue.Queue[Signal](), queue.Queue[Signal]()
    go_on = threading.Event()

    def handle(signal: Signal) -> None:
        first.put(signal)
        go_on.wait(WAIT_S)

    write_signal(spool, "a1", "started")
    write_signal(spool, "a1", "exit")
    watcher = SpoolWatcher(spool, handle)
    watcher.start()
    assert take(first).kind == "started"
    stopping = threading.Thread(target=watcher.stop)
    stopping.start()
    watcher._observer.join(WAIT_S)
    go_on.set()
    stopping.join(WAIT_S)

    with watching(spool, second.put):
        assert take(second).kind == "exit"
    assert first.empty()


@pytest.mark.parametrize("name", ["closed", "silence", "detached"])
def test_a_notice_of_tmux_is_handled_each_time(spool: Path, name: str) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        for _ in range(3):
            (spool / f".tmux.{name}").touch()
            signal = take(signals)
            assert (signal.attempt, signal.kind) == ("", name)


def test_a_notice_during_the_handling_of_one_is_not_lost(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    def handle(signal: Signal) -> None:
        if signals.empty():
            (spool / ".tmux.closed").touch()
        signals.put(signal)

    with watching(spool, handle):
        (spool / ".tmux.closed").touch()
        assert [take(signals).kind] == ["closed"]
        assert [take(signals).kind] == ["closed"]


def test_a_notice_that_cannot_be_handled_comes_again(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    def handle(signal: Signal) -> None:
        signals.put(signal)
        if signals.qsize() == 1 and not tries:
            tries.append(signal)
            raise ConnectionError

    tries: list[Signal] = []
    with watching(spool, handle) as watcher:
        (spool / ".tmux.closed").touch()
        take(signals)
        watcher.rescan()
        take(signals)


def test_hostile_files_are_moved_away_and_hold_nothing_up(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (spool / "a1.1.exit").symlink_to(tmp_path / "secret")
    os.mkfifo(spool / "a1.2.exit")
    (spool / "a1.3.exit").mkdir()
    for name in [
        "$(touch owned).1.exit",
        "a1.x.exit",
        "a1.5.unknown",
        "..1.exit",
        "a1.6.exit.more",
        "notes\n",
    ]:
        (spool / name).write_text("x")
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        write_signal(spool, "a1", "exit", b"status=0")
        assert take(signals).payload == b"status=0"

    assert signals.empty()
    assert files(spool) == []
    assert len(list((spool / "rejected").iterdir())) == 9


def test_refused_files_do_not_pile_up(spool: Path) -> None:
    for number in range(MAX_REJECTED + 50):
        (spool / f"junk {number}").touch()
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        write_signal(spool, "a1", "exit")
        take(signals)

    assert files(spool) == []
    assert len(list((spool / "rejected").iterdir())) == MAX_REJECTED


def test_a_huge_payload_is_cut(spool: Path) -> None:
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        write_signal(spool, "a1", "turn", b"x" * (MAX_PAYLOAD_BYTES + 1))
        assert len(take(signals).payload) == MAX_PAYLOAD_BYTES


def test_what_a_killed_writer_left_is_removed_after_an_hour(spool: Path) -> None:
    old, new = spool / ".tmp.a1.1.turn", spool / ".tmp.a1.2.turn"
    for path in (old, new):
        path.touch()
    an_hour_ago = time.time() - 3700
    os.utime(old, (an_hour_ago, an_hour_ago))

    with watching(spool, lambda _: None):
        pass

    assert files(spool) == [new.name]


def test_the_hook_hands_over_its_input_or_its_argument_unchanged(spool: Path) -> None:
    payload = b'{"a": "$(touch x) `y` \\n \xff"}\n\n'
    signals: queue.Queue[Signal] = queue.Queue()

    with watching(spool, signals.put):
        first = hook(spool, "turn", stdin=payload)
        second = hook(spool, "waiting", "a 'b' \\c %s")
        taken = [take(signals), take(signals)]

    assert [(s.attempt, s.kind, s.payload) for s in taken] == [
        ("a1", "turn", payload),
        ("a1", "waiting", b"a 'b' \\c %s"),
    ]
    assert [(done.returncode, done.stdout, done.stderr) for done in (first, second)] == [(0, b"", b"")] * 2


def test_a_signal_that_finds_no_room_waits_for_some(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "date").write_text("#!/bin/sh\necho 7\n")
    (tmp_path / "date").chmod(0o755)
    draft = spool / ".tmp.a1.7.exit"
    draft.symlink_to("/dev/full")
    env = {"AIOS_SPOOL": str(spool), "AIOS_ATTEMPT": "a1", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(["/bin/sh", str(HOOK), "exit", "status=0"], env=env) as waiting_hook:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting_hook.wait(0.5)

        draft.unlink()

        assert waiting_hook.wait(5) == 0
    assert (spool / "a1.7.exit").read_text() == "status=0"


def test_the_hook_never_fails_the_agent(spool: Path) -> None:
    assert hook(spool / "missing", "turn").returncode == 0
    assert hook(spool).returncode == 0
    bare = subprocess.run(["/bin/sh", str(HOOK), "turn"], env={}, capture_output=True, timeout=5, check=False)
    assert (bare.returncode, bare.stdout, bare.stderr) == (0, b"", b"")


def test_the_files_of_an_attempt_are_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    attempt_dir = tmp_path / "jobs" / "a1"
    long = "\udcff\n" * 200
    command = prepare_attempt(
        attempt_dir, argv=["agent", "", long, "x"], worktree=tmp_path, shell="/bin/bash", setup="npm ci"
    )
    assert command[-4:] == ["agent", "", "", "x"]
    assert (attempt_dir.stat().st_mode & 0o777, attempt_dir.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert (attempt_dir / "word.2").read_bytes() == b"\xff\n" * 200
    assert {p.stat().st_mode & 0o777 for p in attempt_dir.iterdir() if p.is_file()} == {0o600}

    command = prepare_attempt(attempt_dir, argv=["other"], worktree=tmp_path, shell="/bin/bash")

    assert command[-1] == "other"
    assert not (attempt_dir / "word.2").exists()
    assert [p.name for p in attempt_dir.parent.iterdir()] == ["a1"]
    assert not (attempt_dir / "setup").exists()


def test_an_attempt_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match="cannot be written"):
        prepare_attempt(tmp_path / "a1", argv=["agent", "\ud800"], worktree=tmp_path, shell="/bin/bash")

    assert list(tmp_path.iterdir()) == []


def test_the_agents_own_tmux_gets_a_directory_short_enough_for_a_socket(tmp_path: Path) -> None:
    def tmux_dir(attempt_dir: Path) -> str:
        return session_environment(
            attempt="a1", job=1, spool_dir=tmp_path, attempt_dir=attempt_dir, port=4000, tmux_socket=tmp_path
        )["AIOS_TMUX_TMPDIR"]

    assert tmux_dir(Path("/data/jobs/7/a1")) == "/data/jobs/7/a1/tmux"
    assert len(tmux_dir(Path("/data") / ("x" * 100))) < 90
