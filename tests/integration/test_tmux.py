"""AIOS's own tmux server, the real one on a socket of its own."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aios_app.domain.errors import BadPrompt, TmuxError, TmuxMissing
from aios_app.tmux.client import TmuxClient
from aios_app.tmux.habits import copy_habits
from aios_app.tmux.server import DEFAULT_CONFIG, TmuxServer, require_tmux
from tests.integration.tmux_box import WAIT_S, Box, make_box, wait_gone

STAY = ("tail", "-f", "/dev/null")
WRITE_ARGV = (
    sys.executable,
    "-c",
    "import json, os, sys; json.dump([os.getcwd(), *sys.argv[1:]], open('out', 'w'))",
)
#: Asks for bracketed paste, as agents do, and hands over the checksum of what comes until Enter.
READ_PASTE = """import hashlib, os, sys, time, tty
def signal(kind, text):
    open(f"{sys.argv[1]}/.tmp.a1", "w").write(text)
    os.rename(f"{sys.argv[1]}/.tmp.a1", f"{sys.argv[1]}/a1.1.{kind}")
tty.setraw(0)
os.write(1, b"\\x1b[?2004h")
signal("started", "")
got = b""
while b"\\x1b[201~" not in got:
    got += os.read(0, 65536)
pasted = time.monotonic()
while not got.endswith(b"\\r"):
    got += os.read(0, 65536)
signal("turn", f"{hashlib.sha256(got).hexdigest()} {time.monotonic() - pasted}")
os.read(0, 1)
"""
#: Says when somebody looks at a session.
SHOW_ATTACHED = ("set-hook", "-g", "client-attached[7]", "wait-for -S attached")
SHOW_SWITCHED = ("set-hook", "-g", "client-session-changed[7]", "wait-for -S switched")


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    with make_box(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def terminal(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a terminal of its own, as a person's terminal runs it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            yield process
        finally:
            os.close(ours)
            process.kill()


def attached(box: Box) -> dict[str, int]:
    return {session.name: session.attached for session in box.server.sessions()}


def test_asking_starts_no_server(box: Box) -> None:
    assert box.server.sessions() == []
    assert box.server.find("a") is None
    assert not box.server.kill_session("a")
    assert not box.server.is_alive()
    box.server.watch_silence("a", 1)
    box.server.stop_if_empty()
    assert box.server.pid() is None
    assert not box.socket.exists()


def test_no_server_is_started_without_our_configuration(box: Box) -> None:
    client = TmuxClient(box.socket, timeout_s=5)

    assert client.cmd("new-session", "-d").returncode != 0
    assert not client.is_alive()


def test_the_words_of_a_command_are_never_shell_or_tmux_text(box: Box) -> None:
    words = [
        "$(touch owned)",
        "`touch owned`",
        "a;",
        ";",
        "#{pid}",
        "#(touch owned)",
        "-x",
        "",
        "é 'q' \"d\"",
        "\n",
    ]

    box.run("a", *WRITE_ARGV, *words)
    box.next("closed")

    assert json.loads((box.worktree / "out").read_text())[1:] == words
    assert not list(box.root.rglob("owned"))


def test_a_command_of_one_word_is_no_shell_text_either(box: Box) -> None:
    program = box.worktree / "a program; touch owned"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)

    box.run("a", str(program))
    box.next("closed")

    assert (box.worktree / "ran").exists()
    assert not list(box.root.rglob("owned"))


def test_a_directory_with_a_hostile_name_is_only_a_directory(box: Box) -> None:
    directory = box.root / "odd #(touch owned) #{pid} $(touch owned) ü;"
    directory.mkdir()

    box.server.new_session("a", cwd=directory, argv=WRITE_ARGV, environment={}, marks={})
    box.next("closed")

    assert json.loads((directory / "out").read_text()) == [str(directory)]
    assert not list(box.root.rglob("owned"))


def test_a_session_of_the_same_name_is_not_started_twice(box: Box) -> None:
    assert box.run("a", *STAY)
    before = box.server.find("a")

    assert not box.run("a", *WRITE_ARGV)

    assert box.server.find("a") == before


def test_one_session_is_found_as_it_is_listed_and_none_by_a_part_or_pattern_of_its_name(box: Box) -> None:
    for name in ("shop", "shop-2"):
        assert box.run(name, *STAY)

    assert [box.server.find("shop"), box.server.find("shop-2")] == box.server.sessions()
    assert [box.server.find(name) for name in ("sho", "shop-", "shop*", "shop.0", "=shop", "")] == [None] * 6


def test_a_directory_that_is_gone_is_an_error(box: Box) -> None:
    with pytest.raises(TmuxError, match="does not exist"):
        box.server.new_session("a", cwd=box.root / "gone", argv=STAY, environment={}, marks={})


@pytest.mark.parametrize("name", ["", "a:b", "a.b", "=a", "a b", "x" * 65, "#(touch owned)"])
def test_a_name_that_tmux_could_take_for_something_else_is_refused(box: Box, name: str) -> None:
    with pytest.raises(TmuxError, match="no name of a session"):
        box.run(name, *STAY)
    with pytest.raises(TmuxError, match="no name of a session"):
        box.server.kill_session(name)


def test_the_listing_shows_each_session_with_its_marks(box: Box) -> None:
    marks = {"job": "7", "attempt": "a1", "project": "#(touch owned) 'ü' \"\t;", "base": "x;"}
    box.run("a", *STAY, marks=marks)
    box.run("b", *STAY)
    box.tmux("split-window", "-t", "=a:", "-b", *STAY)
    box.tmux("new-window", "-d", "-t", "=a:", *STAY)

    a, b = sorted(box.server.sessions(), key=lambda session: session.name)

    assert (a.name, a.windows, a.attached, a.marks, a.is_silent) == ("a", 2, 0, marks, False)
    assert (b.name, b.windows, b.path, b.marks) == ("b", 1, str(box.worktree), {})
    assert a.pane_pid == int(box.tmux("display-message", "-p", "-t", "%0", "#{pane_pid}"))
    assert box.tmux("show-options", "-qv", "-t", "=a:", "@aios_job") == "7"


def test_a_killed_session_is_gone_and_noticed(box: Box) -> None:
    box.run("a", *STAY)
    box.run("ab", *STAY)

    assert box.server.kill_session("a")

    assert box.next("closed").attempt == ""
    assert not box.server.kill_session("a")
    assert [session.name for session in box.server.sessions()] == ["ab"]


def test_capture_shows_the_screen_and_on_request_what_scrolled_away(box: Box) -> None:
    box.run("a", "sh", "-c", f"seq 1 200; tmux -S {box.socket} wait-for -S shown; exec tail -f /dev/null")
    box.tmux("wait-for", "shown")

    assert "1" not in box.server.capture("a").split("\n")
    assert box.server.capture("a").split("\n")[-1] == "200"
    assert box.server.capture("a", history_lines=1000).split("\n")[0] == "1"
    with pytest.raises(TmuxError, match="can't find"):
        box.server.capture("b")


def test_many_screens_are_read_at_once_whatever_they_show_and_though_some_are_gone(box: Box) -> None:
    names = [f"s{n}" for n in range(150)]  # more than one command line of tmux's holds
    evil = "'; kill-server; #{pid} $(touch hacked) <img>"
    for name, text in {"s0": "first", "s70": evil, "s149": "last"}.items():
        shows = f"printf '%s\n' \"$1\"; tmux -S {box.socket} wait-for -S {name}; exec tail -f /dev/null"
        box.run(name, "sh", "-c", shows, "sh", text)
        box.tmux("wait-for", name)

    screens = box.server.screens(names)

    assert {name: screen.split("\n")[0] for name, screen in screens.items()} == {
        "s0": "first",
        "s70": evil,
        "s149": "last",
    }
    assert not (box.worktree / "hacked").exists()
    with pytest.raises(TmuxError, match="no name of a session"):
        box.server.screens(["a'; kill-server; '"])


def test_where_no_server_is_there_are_no_screens(box: Box) -> None:
    assert box.server.screens(["a"]) == {}
    assert not box.server.is_alive()


@pytest.mark.parametrize("text", ["one\ntwo\n\n$(touch x) 'q' ü 🦊; ;", "y" * 20_000, "-x;"])
def test_text_arrives_as_one_paste_and_is_submitted_once(box: Box, text: str) -> None:
    box.run("a", sys.executable, "-c", READ_PASTE, str(box.spool))
    box.next("started")

    box.tmux("copy-mode", "-t", "=a:")  # somebody scrolled back
    box.server.paste("a", text)

    expected = b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~\r"
    checksum, pause_s = box.next("turn").payload.decode().split()
    assert checksum == hashlib.sha256(expected).hexdigest()
    assert float(pause_s) > 0.1
    assert box.tmux("list-buffers") == ""


def test_keys_hidden_in_a_text_are_refused(box: Box) -> None:
    box.run("a", *STAY)
    for text in ("a\x1b[201~\r", "\x03", "\x7f"):
        with pytest.raises(BadPrompt, match="control characters"):
            box.server.paste("a", text)


def test_silence_is_noticed_once_and_seen_in_the_listing(box: Box) -> None:
    box.run("a", *STAY)
    box.run("b", *STAY)

    box.server.watch_silence("a", 1)
    box.next("silence")

    assert {session.name: session.is_silent for session in box.server.sessions()} == {"a": True, "b": False}
    box.server.watch_silence("a", 0)
    assert not any(session.is_silent for session in box.server.sessions())
    assert box.signals.empty()


def test_silence_is_seen_while_somebody_looks_on(box: Box) -> None:
    box.run("a", *STAY)
    box.tmux(*SHOW_ATTACHED)

    with terminal(box.server.attach_argv("a")):
        box.tmux("wait-for", "attached")
        box.server.watch_silence("a", 1)
        box.next("silence")
        assert [session.is_silent for session in box.server.sessions()] == [True]


def test_a_terminal_attaches_and_its_leaving_is_noticed(box: Box) -> None:
    box.run("a", *STAY)
    box.tmux(*SHOW_ATTACHED)

    with terminal(box.server.attach_argv("a", read_only=True)):
        box.tmux("wait-for", "attached")
        assert attached(box) == {"a": 1}
        assert box.tmux("list-clients", "-F", "#{client_readonly}") == "1"
        box.tmux("detach-client", "-s", "=a")
        box.next("detached")

    assert attached(box) == {"a": 0}


def test_inside_the_own_server_the_terminal_is_switched(box: Box) -> None:
    box.run("a", "/bin/sh")
    box.run("b", *STAY)
    box.tmux(*SHOW_ATTACHED)
    inside = f"{box.socket},{box.server.pid()},0"

    with terminal(box.server.attach_argv("a")):
        box.tmux("wait-for", "attached")
        box.tmux(*SHOW_SWITCHED)
        box.server.paste("a", " ".join(box.server.attach_argv("b", inside=inside)))
        box.tmux("wait-for", "switched")
        assert attached(box) == {"a": 0, "b": 1}


def test_inside_another_server_a_window_is_opened_there(box: Box) -> None:
    box.run("a", *STAY)
    box.tmux(*SHOW_ATTACHED)
    other = box.socket.parent / "other"
    theirs = ["tmux", "-S", str(other), "-f", os.devnull]
    subprocess.run(
        [*theirs, "new-session", "-d", "-s", "person", "tail -f /dev/null"], check=True, timeout=WAIT_S
    )

    subprocess.run(box.server.attach_argv("a", inside=f"{other},1,0"), check=True, timeout=WAIT_S)

    box.tmux("wait-for", "attached")
    assert attached(box) == {"a": 1}
    subprocess.run([*theirs, "kill-server"], check=True, timeout=WAIT_S)


def test_a_server_that_does_not_answer_is_an_error_within_the_limit(box: Box) -> None:
    deaf = box.socket.with_name("deaf")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(deaf))
        listener.listen()
        server = TmuxServer(deaf, config=DEFAULT_CONFIG, spool_dir=box.spool, timeout_s=0.3)

        started_s = time.monotonic()
        with pytest.raises(TmuxError, match=r"did not answer within 0\.3 s"):
            server.sessions()
        assert time.monotonic() - started_s < 3


def test_an_empty_server_stops_and_one_with_a_session_does_not(box: Box) -> None:
    box.run("a", *STAY)
    pid = box.server.pid()
    assert pid is not None
    box.server.stop_if_empty()
    assert box.run("b", *STAY)
    box.server.kill_session("a")
    box.server.kill_session("b")
    assert box.server.pid() == pid

    box.server.stop_if_empty()

    wait_gone(pid)
    assert not box.server.is_alive()


def test_a_session_has_nothing_of_the_caller_that_would_tie_it(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_ATTEMPT", "stale")
    monkeypatch.setenv("TMUX_PANE", "%99")
    box.run("a", "sh", "-c", "env >out")
    box.next("closed")

    names = {line.split("=")[0]: line for line in (box.worktree / "out").read_text().splitlines()}

    assert "AIOS_ATTEMPT" not in names
    assert names["TMUX_PANE"] == "TMUX_PANE=%0"
    assert names["TMUX"].startswith(f"TMUX={box.socket},")


def test_files_of_an_agent_are_not_as_private_as_those_of_the_worker(box: Box) -> None:
    before = os.umask(0o077)
    try:
        box.run("a", "touch", "made")
    finally:
        os.umask(before)
    box.next("closed")

    assert (box.worktree / "made").stat().st_mode & 0o777 == 0o644
    assert box.socket.stat().st_mode & 0o007 == 0


def test_a_persons_settings_are_read_and_cannot_end_detached_jobs(box: Box) -> None:
    box.user_config.write_text("set -g prefix C-a\nset -g destroy-unattached on\nset -g remain-on-exit on\n")
    box.run("a", *STAY)
    box.run("b", "true")
    box.next("closed")
    box.tmux(*SHOW_ATTACHED)

    with terminal(box.server.attach_argv("a")):
        box.tmux("wait-for", "attached")
        assert box.tmux("display-message", "-p", "#{prefix}") == "C-a"
    box.next("detached")

    assert attached(box) == {"a": 0}


def test_the_status_line_says_the_job_and_how_to_leave(box: Box) -> None:
    box.run("a", *STAY, marks={"job": "7"})

    left, right = (
        box.tmux("display-message", "-p", "-t", "=a:", f"#{{E:status-{side}}}") for side in ("left", "right")
    )

    assert left.split() == ["#7", "a"]
    assert right.split() == ["leave:", "C-b", "d"]


def test_a_persons_prefix_is_copied_once_from_their_own_server(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = box.socket.parent / f"tmux-{os.getuid()}"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TMUX_TMPDIR", str(folder.parent))
    habits = tmp_path / "habits.conf"
    server = TmuxServer(box.socket, config=DEFAULT_CONFIG, spool_dir=box.spool, habits=habits)
    assert copy_habits(habits) is None

    theirs = ["tmux", "-f", "/dev/null", "-S", str(folder / "default")]
    options = ["set", "-g", "prefix", "C-a", ";", "set", "-gw", "mode-keys", "vi"]
    subprocess.run([*theirs, "new-session", "-d", "-s", "own", ";", *options], check=True)
    try:
        server.new_session("a", cwd=tmp_path, argv=STAY, environment={}, marks={})
        names = subprocess.run(
            [*theirs, "list-sessions", "-F", "#S"], capture_output=True, text=True, check=True
        ).stdout
    finally:
        subprocess.run([*theirs, "kill-server"], check=True)

    assert names == "own\n"
    assert box.tmux("show-options", "-gv", "prefix") == "C-a"
    assert box.tmux("show-options", "-gwv", "mode-keys") == "vi"
    assert "bind-key    -T prefix C-a" in box.tmux("list-keys", "-T", "prefix")
    assert copy_habits(habits) == habits


def test_a_missing_or_old_tmux_is_named(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert require_tmux()[0].isdigit()
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(TmuxMissing, match="not installed: apt-get install tmux"):
        require_tmux()

    (programs / "tmux").write_text("#!/bin/sh\necho tmux 3.1c\n")
    (programs / "tmux").chmod(0o755)
    with pytest.raises(TmuxMissing, match=r"tmux 3\.1c is too old, 3\.2 is needed"):
        require_tmux()
    monkeypatch.undo()
