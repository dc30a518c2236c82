"""A person's command, run with bounds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from aios_app.domain.errors import ExternalError
from aios_app.spool.bounded_log import KEPT_BYTES, BoundedLog
from aios_app.spool.person_command import CutOff, Ended, end_command, end_own_commands, run_command
from tests.conftest import CHECKOUT

Run = Callable[..., Ended]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where commands run; its name is hostile to shells."""
    directory = tmp_path / "a $(touch evil) 'b\" `c`"
    directory.mkdir()
    return directory


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "check.log"


@pytest.fixture
def run(place: Path, log: Path) -> Run:
    """Runs a command there, with a plain shell."""

    def run_it(command: str, *, limit_s: float = 8, shell: str = "/bin/sh", **variables: str) -> Ended:
        with BoundedLog(log) as output:
            return run_command(
                command, shell=shell, cwd=place, variables=variables, limit_s=limit_s, log=output
            )

    return run_it


def await_file(path: Path) -> str:
    """What the file holds once it holds something."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        if path.is_file() and (text := path.read_text().strip()):
            return text
        threading.Event().wait(0.01)
    pytest.fail(f"{path} never came")


def await_end(*pids: int) -> None:
    """Until these processes are gone, or nobody has asked for their status yet."""
    for pid in pids:
        deadline = time.monotonic() + 5
        while lives(pid):
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_has_its_directory_its_variables_and_its_output_in_the_log(
    run: Run, place: Path, log: Path
) -> None:
    ended = run('pwd; echo "job $AIOS_JOB" >&2', AIOS_JOB="7")

    assert (ended.status, ended.is_late) == (0, False)
    assert log.read_text() == f"{place}\njob 7\n"
    assert log.stat().st_mode & 0o777 == 0o600
    assert list(place.iterdir()) == []


def test_the_status_of_a_command_is_told(run: Run) -> None:
    assert run("exit 3").status == 3


def test_variables_of_aios_itself_are_not_passed_on(
    run: Run, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_DATA_DIR", "/secret")
    monkeypatch.setenv("TMUX", "/secret")

    run("env")

    assert "/secret" not in log.read_text()


def test_a_command_reads_nothing_and_has_no_terminal(run: Run, log: Path) -> None:
    run("cat; (: </dev/tty) 2>/dev/null && echo terminal; umask")

    assert log.read_text() == "0022\n"


def test_the_start_up_files_of_the_shell_are_read_and_what_they_say_is_left_out(
    run: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bash_profile").write_text("echo welcome; export TOOL=there; cd /\n")
    monkeypatch.setenv("HOME", str(home))

    run("echo $TOOL", shell="/bin/bash")

    assert log.read_text() == "there\n"


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "fish"])
def test_the_person_s_shell_may_be_any(run: Run, log: Path, shell: str) -> None:
    program = shutil.which(shell)
    assert program is not None, f"{shell} is missing: script/setup dev installs it"

    ended = run('echo "it\'s $((1 + 1))"; exit 3', shell=program)

    assert (ended.status, log.read_text()) == (3, "it's 2\n")


def test_start_up_files_that_end_the_shell_are_shown(
    run: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".bash_profile").write_text("echo broken; exit 9\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert run("echo never", shell="/bin/bash").status == 9
    assert "broken" in log.read_text()
    assert "never" not in log.read_text()


def test_the_time_limit_ends_a_command_with_all_that_it_started(run: Run, log: Path) -> None:
    started = time.monotonic()

    ended = run("trap '' TERM; echo $$; sleep 57 & echo $!; while :; do sleep 1; done", limit_s=0.5)

    assert ended.is_late
    assert time.monotonic() - started < 6
    await_end(*map(int, log.read_text().split()[:2]))


def test_what_a_command_leaves_in_the_background_does_not_outlive_it(run: Run, log: Path) -> None:
    ended = run("sleep 57 & echo $!")

    assert (ended.status, ended.is_late) == (0, False)
    assert ended.duration_ms < 5000
    await_end(int(log.read_text()))


def test_a_daemon_that_holds_the_output_open_is_not_waited_for(run: Run, place: Path) -> None:
    ended = run("setsid sh -c 'echo $$ >daemon; exec sleep 57' & while [ ! -s daemon ]; do sleep 0.05; done")

    assert ended.duration_ms < 5000
    daemon = psutil.Process(int((place / "daemon").read_text()))
    assert daemon.status() == psutil.STATUS_SLEEPING
    daemon.kill()


def test_a_command_that_closes_its_output_is_waited_for(run: Run, place: Path) -> None:
    ended = run("exec >/dev/null 2>&1; sleep 0.3; touch done")

    assert ended.duration_ms >= 300
    assert (place / "done").exists()


def test_output_without_end_fills_no_disk_and_its_end_is_kept(run: Run, log: Path) -> None:
    ended = run("head -c 300000000 /dev/zero; echo the end")

    assert ended.status == 0
    assert KEPT_BYTES <= log.stat().st_size <= 2 * KEPT_BYTES + 100
    assert log.read_bytes().endswith(b"the end\n")
    assert log.read_bytes().startswith(b"... (the beginning is left out)")


def test_output_can_be_read_while_the_command_runs(run: Run, log: Path, place: Path) -> None:
    thread = threading.Thread(target=run, args=("echo one; while [ ! -f go ]; do sleep 0.05; done",))
    thread.start()

    assert await_file(log) == "one"
    (place / "go").touch()
    thread.join()


def test_a_command_is_ended_from_outside_and_says_so(run: Run, place: Path, log: Path) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, "echo begun; sleep 57")
        await_file(log)

        end_command(place)

        with pytest.raises(CutOff):
            running.result(5)


def test_the_end_of_a_process_ends_the_commands_that_it_runs_and_no_others(
    run: Run, place: Path, log: Path
) -> None:
    argv = ["/bin/sh", "-c", "sleep 57; :", "aios-command", "0" * 24]
    with subprocess.Popen(argv) as other, ThreadPoolExecutor() as pool:
        running = pool.submit(run, "echo begun; sleep 57")
        await_file(log)

        end_own_commands()

        with pytest.raises(CutOff):
            running.result(5)
        assert other.poll() is None
        other.kill()


def test_the_orphan_of_a_killed_process_does_not_run_on_beside_its_successor(
    run: Run, place: Path, log: Path, tmp_path: Path
) -> None:
    began, other = tmp_path / "began", tmp_path / "other"
    program = f"""
from pathlib import Path
from aios_app.spool.bounded_log import BoundedLog
from aios_app.spool.person_command import run_command
with BoundedLog(Path({str(other)!r})) as log:
    run_command("trap '' PIPE; echo $$ >{began}; while :; do sleep 0.1; done", shell="/bin/sh",
                cwd=Path({str(place)!r}), variables={{}}, limit_s=60, log=log)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT) as killed:
        orphan = int(await_file(began))
        killed.kill()
    assert lives(orphan)

    run("true")

    await_end(orphan)


def test_a_directory_that_is_gone_is_said(run: Run, place: Path) -> None:
    place.rmdir()

    with pytest.raises(ExternalError, match="is gone"):
        run("true")
