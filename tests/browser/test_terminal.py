"""The terminal in a real browser: what is typed, what is shown, and what happens when the line is cut."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from aios_app.domain.models import Job
from tests.acceptance.stack import Stack
from tests.browser.viewer import Viewer, api, captured, open_shell, tmux

pytestmark = pytest.mark.timeout(60)

#: Takes one bracketed paste as it comes, and writes it to a file.
_TAKE_PASTE = r"""
import os, sys, tty
tty.setraw(0)
sys.stdout.write("\x1b[?2004hready")
sys.stdout.flush()
data = b""
while not data.endswith(b"\x1b[201~"):
    data += os.read(0, 65536)
open("pasted.tmp", "wb").write(data)
os.rename("pasted.tmp", "pasted")
"""


@pytest.fixture(scope="module")
def shell(stack: Stack) -> Job:
    """A shell that several tests type into."""
    return open_shell(stack, "shell")


def is_exact(stack: Stack, job: Job, viewer: Viewer) -> bool:
    """Whether the browser shows what tmux has, but for the status line."""
    return viewer.screen()[:-1] == captured(stack, job)


def test_keys_reach_the_shell_and_its_answer_is_shown(shell: Job, viewer: Viewer) -> None:
    viewer.terminal(shell)

    viewer.type("clear; echo $((6 * 7))\n")

    viewer.await_line("42")


def test_a_full_screen_program_is_exact_and_follows_the_size(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "vim")
    page = viewer.terminal(job)
    viewer.type("vim -u NONE -N notes\nione two\nthree")
    viewer.await_screen(lambda lines: "three" in lines and is_exact(stack, job, viewer))
    before = len(viewer.screen())

    page.set_viewport_size({"width": 700, "height": 500})

    viewer.await_screen(lambda lines: 5 < len(lines) < before and is_exact(stack, job, viewer))
    assert tmux(stack, "list-clients", "-t", job.name, "-F", "#{client_height}").split() == [
        str(len(viewer.screen()))
    ]


def test_a_flood_is_shown_to_its_end_and_keys_are_still_heard(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "flood")
    viewer.terminal(job)

    viewer.type("seq 1 1000000; echo over-$((6 * 7))\n")
    viewer.await_line("over-42")
    viewer.type("echo $((6 * 9))\n")

    viewer.await_line("54")


def test_a_large_paste_arrives_whole_and_in_brackets(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "paste")
    (Path(job.worktree) / "take.py").write_text(_TAKE_PASTE)
    page = viewer.terminal(job)
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "".join(f"line {n} äöü 漢字 $(touch hacked)\n" for n in range(3000))
    viewer.type("python3 take.py\n")
    viewer.await_screen(lambda lines: any("ready" in line for line in lines))

    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+Shift+V")

    pasted = Path(job.worktree) / "pasted"
    viewer.wait(pasted.exists)
    wanted = text.replace("\n", "\r").encode()
    assert len(wanted) > 100_000
    assert pasted.read_bytes() == b"\x1b[200~" + wanted + b"\x1b[201~"


def test_a_phone_has_the_keys_that_its_keyboard_lacks(stack: Stack, look: Callable[..., Viewer]) -> None:
    job = open_shell(stack, "phone")
    phone = look(viewport={"width": 412, "height": 840}, has_touch=True, is_mobile=True)
    page = phone.terminal(job)
    phone.type("sleep 1000\n")
    running = ("display-message", "-p", "-t", f"={job.name}:", "#{pane_current_command}")
    phone.wait(lambda: tmux(stack, *running).strip() == "sleep")

    page.tap("button:text-is('Ctrl')")
    page.keyboard.type("c")
    page.keyboard.type("echo $((6 * 7))")
    page.tap("button:text-is('Enter')")

    phone.await_line("42")


def test_a_selection_is_copied_by_the_keyboard(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "copy")
    page = viewer.terminal(job)
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.type("clear; echo copy-$((6 * 7))\n")
    viewer.await_line("copy-42")
    row = page.locator(".xterm-rows > div").first.bounding_box()
    assert row is not None

    def is_copied() -> bool:
        """What the shell draws meanwhile ends a selection: it is made again."""
        page.keyboard.down("Shift")
        page.mouse.dblclick(row["x"] + 20, row["y"] + 5)
        page.keyboard.up("Shift")
        page.keyboard.press("Control+Shift+C")
        return "copy-42".startswith(page.evaluate("navigator.clipboard.readText()") or "?")

    viewer.wait(is_copied)


def test_after_the_server_was_killed_the_exact_screen_is_back_by_itself(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "killed")
    page = viewer.terminal(job)
    viewer.type("clear; echo before\n")
    viewer.await_line("before")
    page.evaluate("""() => { window.said = []; new MutationObserver(() => window.said.push(
        document.querySelector('.connection').textContent)).observe(document.querySelector('.connection'),
        {childList: true, characterData: true, subtree: true}) }""")

    os.kill(api(stack, "GET", "/status")["web"]["pid"], signal.SIGKILL)
    stack.type(job, "echo meanwhile")

    viewer.await_line("meanwhile")
    viewer.wait(lambda: is_exact(stack, job, viewer))
    assert any("Connecting again" in words for words in page.evaluate("window.said"))
    viewer.type("echo $((6 * 8))\n")
    viewer.await_line("48")


def test_two_viewers_of_different_size_see_the_same_line(
    stack: Stack, look: Callable[..., Viewer], viewer: Viewer
) -> None:
    job = open_shell(stack, "two")
    small = look(viewport={"width": 640, "height": 420})
    viewer.terminal(job)
    small.terminal(job)

    small.type("clear; echo from-the-$((6 * 7))\n")
    viewer.await_screen(lambda lines: lines[0].startswith("from-the-42"))
    viewer.type("clear; echo from-the-$((6 * 8))\n")
    small.await_screen(lambda lines: lines[0].startswith("from-the-48"))


def test_who_has_a_link_sees_the_terminal_and_cannot_type(stack: Stack, look: Callable[..., Viewer]) -> None:
    job = open_shell(stack, "shared")
    link = api(stack, "POST", "/web/shares", {"ref": str(job.number), "cwd": "/", "lasts": "1h"})["url"]
    guest = look()
    guest.page.goto(link.partition("#")[0] + "#over")
    guest.page.wait_for_selector("text=this link is over")
    guest.page.goto(link)
    guest.await_live()
    assert link.rpartition("#")[2] not in guest.page.url

    stack.type(job, "echo $((6 * 7))")
    guest.await_line("42")
    guest.type("touch by-the-guest\n")
    stack.type(job, "echo $((6 * 9))")
    guest.await_line("54")

    assert "to look at only" in guest.page.locator(".connection").inner_text()
    assert not (Path(job.worktree) / "by-the-guest").exists()
    assert "by-the-guest" not in "\n".join(captured(stack, job))
    guest.go("/jobs")
    guest.page.wait_for_selector("text=This browser is not logged in")


def test_the_end_of_the_session_is_said(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "ended")
    page = viewer.terminal(job)

    viewer.type("exit\n")

    page.wait_for_selector(".connection.over")


def test_history_shows_what_has_left_the_screen(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "history")
    page = viewer.terminal(job)
    viewer.type("clear; seq 1000 1400\n")
    viewer.await_line("1400")
    assert "1003" not in viewer.screen()

    page.keyboard.press("Control+Shift+H")
    history = page.locator(".history .xterm-rows")
    viewer.wait(lambda: "1400" in history.inner_text().split(), history.inner_text)
    page.locator(".history input[type=search]").fill("1003")

    viewer.wait(lambda: "1003" in history.inner_text().split(), history.inner_text)


def test_a_program_writes_to_the_clipboard_only_after_a_yes(stack: Stack, viewer: Viewer) -> None:
    job = open_shell(stack, "clipboard")
    page = viewer.terminal(job)
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('mine')")

    viewer.type("printf '\\033]52;c;aGVsbG8=\\007'\n")
    page.wait_for_selector("text=wants to put 5 letters into your clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == "mine"
    page.click("text=Allow")

    viewer.wait(lambda: page.evaluate("navigator.clipboard.readText()") == "hello")


def test_webgl_draws_where_the_browser_has_it(stack: Stack, viewer_with_webgl: Viewer) -> None:
    job = open_shell(stack, "webgl")

    page = viewer_with_webgl.terminal(job)

    page.wait_for_selector(".xterm-screen canvas", state="attached")
    viewer_with_webgl.type("touch reached\n")
    viewer_with_webgl.wait((Path(job.worktree) / "reached").exists)


def test_a_terminal_of_nobody_is_refused_in_words(viewer: Viewer) -> None:
    page = viewer.open("/terminal.html?session=no-such-session")

    page.wait_for_selector(".connection.over")
