"""Terminals in browsers: real tmux, and a browser that speaks frame by frame."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import JobState
from tests.integration.web_fixtures import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    PROMPT,
    TEXT,
    Site,
    eventually,
    open_site,
    site,
)
from web import browser
from web import terminal as terminal_module
from web.door import Close
from web.terminal import MAX_VIEWERS
from web.window import ACKED

__all__ = ["site"]

#: Draws each letter of the screen in new colours, for ever: tmux cannot leave anything out.
REDRAWS = r"""
import os
n = 0
while True:
    n += 1
    cells = (((n + i) % 8, (n * 3 + i) % 7, 65 + (n * 7 + i) % 50) for i in range(11999))
    os.write(1, b"\x1b[H" + b"".join(b"\x1b[3%d;4%dm%c" % cell for cell in cells))
"""


def rows_of(site: Site, name: str) -> str:
    return site.tmux("display-message", "-p", "-t", f"={name}:", "#{pane_width}x#{pane_height}")


def test_what_is_typed_is_shown_and_the_first_message_says_which_job_it_is(site: Site) -> None:
    job = site.shell()

    with site.browser().socket(f"/attach/{job.name}?cols=90&rows=30") as terminal:
        hello = terminal.message()["hello"]
        terminal.type("echo $((6*7))x\n")
        terminal.until("42x")

        assert (hello["job"]["number"], hello["read_only"]) == (job.number, False)
        assert site.clients(job) == ["90x30"]


def test_a_resize_reaches_the_program(site: Site) -> None:
    job = site.shell()

    with site.browser().socket(f"/attach/{job.name}?cols=90&rows=30") as terminal:
        terminal.ask(resize=[101, 33])
        eventually(lambda: site.clients(job) == ["101x33"], "the new size")
        # tmux's own line is the last; it tells programs a moment later
        terminal.type("until [ \"$(stty size)\" = '32 101' ]; do sleep 0.05; done; echo o$((1+1))k\n")
        terminal.until("o2k")


def test_two_viewers_of_different_size_see_the_same_and_neither_is_cut_off(site: Site) -> None:
    job = site.shell()
    browser, path = site.browser(), f"/attach/{job.name}"

    with (
        browser.socket(f"{path}?cols=120&rows=40") as large,
        browser.socket(f"{path}?cols=60&rows=15") as small,
    ):
        large.until(PROMPT)
        small.until(PROMPT)
        small.type("echo o$((1+1))e\n")
        small.until("o2e")
        large.until("o2e")

        assert sorted(site.clients(job)) == ["120x40", "60x15"]


def test_who_comes_back_sees_the_screen_as_it_is(site: Site) -> None:
    job = site.job("sh", "-c", r"printf '\033[?1049h\033[5;10Hmark\033[2;3H'; exec cat")
    browser = site.browser()

    with browser.socket(f"/attach/{job.name}?cols=80&rows=24") as terminal:
        first = terminal.until("mark")
    with browser.socket(f"/attach/{job.name}?cols=80&rows=24") as terminal:
        again = terminal.until("mark")

    eventually(lambda: site.clients(job) == [], "the clients are gone")
    assert b"\x1b[5;10Hmark" in first or b"mark" in first
    assert b"\x1b[2;3H" in again  # the cursor is where it was


def test_a_paste_of_100_kb_arrives_byte_for_byte(site: Site) -> None:
    target = site.context.settings.data_dir / "pasted"
    script = (
        f"stty raw -echo; printf '\\033[?2004hready'; head -c 112345 > {target}; printf 'd''one'; exec cat"
    )
    job = site.job("sh", "-c", script)
    text = ("Zeile mit ü und 世界 — \n" * 5000).encode()[: 112345 - 12]
    pasted = b"\x1b[200~" + text + b"\x1b[201~"

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.until("ready")
        for start in range(0, len(pasted), 65536):
            terminal.send(BINARY, pasted[start : start + 65536])
        terminal.until("done")

    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(pasted).digest()


def test_the_end_of_the_session_and_a_detached_client_are_told_apart(site: Site) -> None:
    job = site.shell()
    browser = site.browser()

    with browser.socket(f"/attach/{job.name}") as terminal:
        terminal.until(PROMPT)
        site.tmux("detach-client", "-s", f"={job.name}")
        assert terminal.until_closed().code == Close.DETACHED
    with browser.socket(f"/attach/{job.name}") as terminal:
        terminal.until(PROMPT)
        terminal.type("exit\n")
        assert terminal.until_closed().code == Close.ENDED


def test_what_has_no_terminal_is_said_in_words(site: Site) -> None:
    job = site.shell()
    site.context.tmux.kill_session(job.name)
    site.context.ledger.move(job.attempt, {JobState.RUNNING}, JobState.STOPPED, is_open=0)
    browser = site.browser()

    with browser.socket(f"/attach/{job.name}") as terminal:
        stopped = terminal.until_closed()
    with browser.socket("/attach/nobody") as terminal:
        unknown = terminal.until_closed()

    assert (stopped.code, unknown.code) == (Close.NOTHING_THERE, Close.NOTHING_THERE)
    assert "is stopped" in stopped.reason
    assert "no session nobody" in unknown.reason


def test_a_session_that_aios_did_not_make_is_not_shown(site: Site) -> None:
    site.shell()
    site.tmux("new-session", "-d", "-s", "mine", "cat")

    with site.browser().socket("/attach/mine") as terminal:
        assert terminal.until_closed().code == Close.NOTHING_THERE


def test_a_name_is_not_taken_for_the_beginning_of_another(site: Site) -> None:
    job = site.shell()

    with site.browser().socket(f"/attach/{job.name[:-1]}") as terminal:
        assert terminal.until_closed().code == Close.NOTHING_THERE


def test_a_read_only_viewer_types_nothing_and_does_not_change_the_size(site: Site) -> None:
    job = site.shell()
    browser = site.browser()

    with (
        browser.socket(f"/attach/{job.name}?cols=100&rows=30") as own,
        browser.socket(f"/attach/{job.name}?cols=40&rows=10&read_only=1") as reader,
    ):
        own.until(PROMPT)
        assert reader.message()["hello"]["read_only"]
        reader.type("echo n$((2+2))n\n")
        reader.ask(resize=[41, 11])
        reader.until(PROMPT)
        own.type("echo y$((3+3))y\n")
        own.until("y6y")
        reader.until("y6y")

        assert b"n4n" not in own.seen
        assert rows_of(site, job.name) == "100x29"


def test_so_many_viewers_of_a_session_and_no_more(site: Site) -> None:
    job = site.job("cat")
    browser = site.browser()
    sockets = [browser.connect(f"/attach/{job.name}") for _ in range(MAX_VIEWERS + 1)]
    try:
        assert sockets[-1].until_closed().code == Close.TOO_MANY
        eventually(lambda: len(site.clients(job)) == MAX_VIEWERS, "all others look")
        sockets[0].close()
        eventually(lambda: len(site.clients(job)) == MAX_VIEWERS - 1, "one has gone")
        with browser.socket(f"/attach/{job.name}") as terminal:
            assert terminal.message()["hello"]
    finally:
        for one in sockets:
            one.close()


def test_a_farewell_is_answered_and_a_ping_too(site: Site) -> None:
    job = site.shell()

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.until(PROMPT)
        terminal.send(PING, b"are you there")
        pong = terminal.frame_of(PONG)
        terminal.send(CLOSE, b"\x03\xe8bye")
        farewell = terminal.frame_of(CLOSE)

        assert (pong, farewell[:2]) == (b"are you there", b"\x03\xe8")
        assert terminal.tcp.recv(1) == b""
    eventually(lambda: site.clients(job) == [], "the client is gone")


def test_a_browser_whose_machine_is_gone_is_noticed(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PING_S", 0.3)
    with open_site(short_path) as quick:
        job = quick.shell()
        with quick.browser().socket(f"/attach/{job.name}") as terminal:
            terminal.until(PROMPT)
            eventually(lambda: quick.clients(job) == [], "a silent browser is let go")
        with quick.browser().socket(f"/attach/{job.name}") as terminal:
            terminal.until(PROMPT)
            for _ in range(4):
                terminal.send(PONG, terminal.frame_of(PING))
            assert quick.clients(job) != []


@pytest.mark.parametrize(
    "message",
    ["{", "[]", '{"resize": [0, 5]}', '{"resize": "x"}', '{"ack": 10000000}', '{"ack": -1}', '{"run": 1}'],
)
def test_a_message_that_is_none_ends_the_socket(site: Site, message: str) -> None:
    job = site.job("cat")

    with site.browser().socket(f"/attach/{job.name}") as terminal:
        terminal.message()
        terminal.send(TEXT, message.encode())
        assert terminal.until_closed().code == Close.NOT_UNDERSTOOD


def test_a_viewer_that_shows_nothing_stops_the_reading_and_not_the_agent(site: Site) -> None:
    """The browser takes all, acknowledges nothing."""
    job = site.job("python3", "-c", REDRAWS)
    taken = 0

    with site.browser().socket(f"/attach/{job.name}?cols=200&rows=61") as terminal:
        terminal.message()
        terminal.tcp.settimeout(0.7)
        with contextlib.suppress(TimeoutError):
            while True:
                taken += len(terminal.receive()[1])
        before = site.context.tmux.capture(job.name)
        eventually(lambda: site.context.tmux.capture(job.name) != before, "the agent goes on")

    assert ACKED[0] <= taken < ACKED[0] + 128 * 1024


def test_a_viewer_that_reads_nothing_is_let_go_and_has_the_whole_screen_when_it_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine has stopped: nothing is taken from its socket. tmux would hoard 11 MB a second for it."""
    monkeypatch.setattr(terminal_module, "_PATIENCE_S", 0.5)
    job = site.job(
        "sh", "-c", 'python3 -c "$0" & read line; kill $!; clear; echo still $line; exec cat', REDRAWS
    )

    with site.browser().socket(f"/attach/{job.name}?cols=200&rows=61") as terminal:
        terminal.message()
        eventually(lambda: site.clients(job) != [], "the client is there")
        before = memory(os.getpid())
        eventually(lambda: site.clients(job) == [], "the client is let go")
        shown = site.context.tmux.capture(job.name)
        eventually(lambda: site.context.tmux.capture(job.name) != shown, "the agent goes on")
        grown = memory(os.getpid()) - before
        site.context.tmux.send_keys(job.name, ["here", "Enter"])
        terminal.until("still here")

    assert grown < 3_000_000
    assert b"\x18\x1bc" in terminal.seen


def memory(pid: int | None) -> int:
    return int(psutil.Process(pid).memory_info().rss)
