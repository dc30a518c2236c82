"""What surrounds an agent: its login shell, its signals and its end, in a real terminal."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.tmux_box import Box, make_box, wait_gone

#: Says that it runs, and stays until it is ended.
STAY = ["sh", "-c", 'echo $$ >pid; /bin/sh "$AIOS_HOOK" prompt ""; exec tail -f /dev/null']
#: Writes the checksum of its last argument.
CHECKSUM = """import hashlib, os, sys
open("sum", "w").write(hashlib.sha256(os.fsencode(sys.argv[1])).hexdigest())"""

#: Draws on the whole screen, says so, and ends with the key that is pressed.
FULL_SCREEN = """import curses, os, subprocess, sys
def main(screen):
    screen.addstr(10, 10, "press q")
    screen.refresh()
    subprocess.run(["/bin/sh", os.environ["AIOS_HOOK"], "prompt", ""])
    return screen.getch()
sys.exit(curses.wrapper(main))"""

SHELLS = ("bash", "dash", "fish", "zsh")


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    with make_box(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("status", [0, 7])
def test_the_exit_status_of_the_agent_is_reported(box: Box, status: int) -> None:
    box.launch(["sh", "-c", f"exit {status}"])

    assert box.ending() == {"status": str(status), "signal": ""}
    assert [seen.kind for seen in box.seen if seen.attempt] == ["started", "exit"]


def test_a_killed_agent_is_reported_with_its_signal_number(box: Box) -> None:
    box.launch(STAY)
    box.next("prompt")

    os.kill(box.agent_pid(), signal.SIGKILL)

    assert box.ending() == {"status": "137", "signal": ""}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_prompt_arrives_byte_for_byte_through_every_shell(box: Box, shell: str) -> None:
    hostile = "-n 'it''s' \"$(touch owned)\" `touch owned` \\ $HOME ;|&\ttab\r\n\n🦊 é \udcff\udcc3"
    prompt = hostile + "x" * 100_000 + hostile + "\n\n\n"

    box.launch([sys.executable, "-c", CHECKSUM, prompt], login_shell=shutil.which(shell) or "")

    assert box.ending()["status"] == "0"
    expected = hashlib.sha256(os.fsencode(prompt)).hexdigest()
    assert (box.worktree / "sum").read_text() == expected
    assert not list(box.root.rglob("owned"))


def test_an_unknown_or_missing_shell_gives_way_to_sh(box: Box) -> None:
    box.launch(["sh", "-c", "exit 5"], login_shell="/no/such/shell")

    assert box.ending()["status"] == "5"


def test_the_agent_has_the_environment_of_a_login_shell_and_the_worktree(box: Box) -> None:
    (box.home / ".profile").write_text('export KEY=secret; cd /; PATH="$HOME/bin:$PATH"\n')
    (box.home / "bin").mkdir()
    (box.home / "bin" / "agent").write_text(
        '#!/bin/sh\necho "$KEY|$AIOS_JOB|$AIOS_PORT|$PWD|$TMUX|$AIOS_TMUX" >out\n'
    )
    (box.home / "bin" / "agent").chmod(0o755)

    box.launch(["agent"])
    box.next("exit")

    assert (box.worktree / "out").read_text() == f"secret|7|4070|{box.worktree}||\n"


def test_a_closed_session_ends_the_agent_and_says_so(box: Box) -> None:
    box.launch(STAY)
    box.next("prompt")

    assert box.server.kill_session("agent")

    assert box.ending() == {"status": "129", "signal": "HUP"}
    wait_gone(box.agent_pid())


def test_an_agent_that_ignores_the_hang_up_is_killed(box: Box) -> None:
    box.launch(["sh", "-c", f"trap '' HUP; {STAY[2]}"])
    box.next("prompt")

    box.server.kill_session("agent")

    assert box.ending() == {"status": "137", "signal": "HUP"}
    wait_gone(box.agent_pid())


@pytest.mark.parametrize("how", ["kill-server", "SIGKILL"])
def test_the_end_of_the_tmux_server_is_the_end_of_its_agents(box: Box, how: str) -> None:
    box.launch(STAY)
    box.next("prompt")
    server = box.server.pid()
    assert server

    if how == "SIGKILL":
        os.kill(server, signal.SIGKILL)
    else:
        box.tmux("kill-server")

    assert box.ending() == {"status": "129", "signal": "HUP"}
    wait_gone(box.agent_pid())


def test_a_terminated_wrapper_ends_the_agent_and_says_so(box: Box) -> None:
    box.launch(STAY)
    box.next("prompt")
    session = box.server.find("agent")
    assert session

    os.kill(session.pane_pid, signal.SIGTERM)

    assert box.ending() == {"status": "143", "signal": "TERM"}
    wait_gone(box.agent_pid())


def test_a_killed_wrapper_takes_the_agent_along_and_the_closed_session_is_noticed(box: Box) -> None:
    box.launch(STAY)
    box.next("prompt")
    session = box.server.find("agent")
    assert session

    os.kill(session.pane_pid, signal.SIGKILL)

    assert box.next("closed").attempt == ""
    wait_gone(box.agent_pid())
    assert "exit" not in [seen.kind for seen in box.seen]


def test_ctrl_c_reaches_the_agent(box: Box) -> None:
    box.launch(STAY)
    box.next("prompt")

    box.tmux("send-keys", "-t", "=agent:", "C-c")

    assert box.ending() == {"status": "130", "signal": ""}


@pytest.mark.parametrize("shell", SHELLS)
def test_job_control_works_inside(box: Box, shell: str) -> None:
    ready = 'sh "$AIOS_HOOK" prompt ""'
    box.launch(["bash", "--norc", "-i"], login_shell=shutil.which(shell) or "")
    box.next("started")

    # Given a shell as the agent, with a program in its foreground
    box.server.paste("agent", f"sh -c '{ready}; exec tail -f /dev/null'")
    box.next("prompt")

    # When it is stopped from the keyboard, then the shell is there again
    box.tmux("send-keys", "-t", "=agent:", "C-z")
    box.server.paste("agent", f"jobs | grep -q Stopped && {ready}")
    box.next("prompt")
    box.server.paste("agent", "exit 9; exit 9")  # the first only warns of the stopped job

    assert box.ending()["status"] == "9"


def test_an_interactive_interpreter_works_inside(box: Box) -> None:
    box.launch([sys.executable, "-q"])
    box.next("started")

    box.server.paste("agent", "import sys; sys.exit(3 if sys.stdin.isatty() else 4)")

    assert box.ending()["status"] == "3"


def test_a_full_screen_program_works_inside(box: Box) -> None:
    box.launch([sys.executable, "-c", FULL_SCREEN])
    box.next("prompt")
    assert "press q" in box.server.capture("agent")

    box.tmux("send-keys", "-t", "=agent:", "q")

    assert box.ending()["status"] == str(ord("q"))


def test_an_agent_that_ends_its_tmux_server_ends_nothing_of_ours(box: Box) -> None:
    box.run("other", "tail", "-f", "/dev/null")

    box.launch(["sh", "-c", "tmux new-session -d true; tmux kill-server; exit 4"])

    assert box.ending()["status"] == "4"
    assert box.server.find("other")


def test_the_screen_is_kept(box: Box) -> None:
    attempt_dir = box.launch(["sh", "-c", "seq 1 300; echo 'the end'"])
    box.next("exit")

    lines = (attempt_dir / "screen.txt").read_text().split("\n")

    assert lines[:2] == ["1", "2"]
    assert "the end" in lines


def test_a_login_shell_that_hangs_never_says_that_it_started(box: Box) -> None:
    (box.home / ".profile").write_text('/bin/sh "$AIOS_HOOK" waiting ""; tail -f /dev/null\n')

    box.launch(["true"])

    box.next("waiting")
    assert [seen.kind for seen in box.seen] == ["waiting"]


def test_a_missing_program_is_named(box: Box) -> None:
    attempt_dir = box.launch(["no-such-agent", "-x"])

    assert box.ending()["status"] == "127"
    assert "aios: no-such-agent is not installed" in (attempt_dir / "screen.txt").read_text()


def test_setup_runs_first_with_its_own_log(box: Box) -> None:
    attempt_dir = box.launch(["sh", "-c", "cat made >seen"], setup="cat; echo hello; echo 1 >made")
    box.next("exit")

    kinds = [(seen.kind, seen.payload) for seen in box.seen if seen.attempt]
    assert kinds[:2] == [("started", b""), ("setup", b"status=0")]
    assert (attempt_dir / "setup.log").read_text() == "hello\n"
    assert (box.worktree / "seen").read_text() == "1\n"


def test_a_failed_setup_starts_no_agent(box: Box) -> None:
    attempt_dir = box.launch(["touch", "started"], setup="echo no network >&2; exit 9")

    assert box.next("setup").payload == b"status=9"
    assert box.ending()["status"] == "113"
    assert (attempt_dir / "setup.log").read_text() == "no network\n"
    assert not (box.worktree / "started").exists()


def test_nothing_is_left_of_an_ended_attempt(box: Box) -> None:
    box.launch(["sh", "-c", 'echo "$TMUX_TMPDIR" >dir'])
    box.next("exit")
    box.next("closed")

    assert box.server.sessions() == []
    assert not Path((box.worktree / "dir").read_text().strip()).exists()
    server = box.server.pid()
    left = [p.info["pid"] for p in psutil.process_iter(["pid", "cmdline"]) if _names(p, box.root)]
    assert left == [server]


def _names(process: psutil.Process, root: Path) -> bool:
    return str(root) in " ".join(process.info["cmdline"] or [])
