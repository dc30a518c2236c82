"""The stack as it is: real supervisor, real Redis, stand-ins for worker and web."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack import guard
from aios_app.stack.locks import exclusive
from aios_app.stack.processes import Process, Record, end_process, find_process
from aios_app.stack.states import last_words, living
from aios_app.stack.supervisor import Program, Supervisor
from aios_app.stack.up import UpReport, down, is_up, programs, up
from aios_app.stack.waiting import tries
from tests.integration.stack_stand_ins import (
    DEAF_WORKER,
    LINGERING_WEB,
    LONELY_WEB,
    WORKER,
    settings_for,
    table,
)

NAMES = ["web", "worker", "redis", "supervisor"]


def start(settings: Settings, rows: list[Program] | None = None) -> UpReport:
    return up(settings, deadline_s=8, table=table(settings) if rows is None else rows)


def pids(settings: Settings) -> dict[str, int | None]:
    return {program.name: program.pid for program in programs(settings)}


def process_of(settings: Settings, name: str) -> Process:
    return {record.name: record.process for record in living(settings)}[name]


def until(condition: Callable[[], bool], deadline_s: float = 6) -> None:
    assert any(condition() for _ in tries(deadline_s)), "not in time"


@pytest.fixture
def short_dir(tmp_path: Path) -> Iterator[Path]:
    """Unix sockets in it have names that are short enough."""
    path = Path("/tmp") / f"aios-test-{os.getpid()}-{tmp_path.name[-8:]}"
    path.mkdir(mode=0o700)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def settings(short_dir: Path) -> Iterator[Settings]:
    value = settings_for(short_dir / "data")
    yield value
    down(value, deadline_s=5)


def test_up_starts_everything_once_and_down_ends_it(settings: Settings) -> None:
    first = start(settings)
    before = pids(settings)
    second = start(settings)

    assert (first.started, second.started) == (True, False)
    assert first.engine.startswith(("valkey", "redis"))
    assert pids(settings) == before
    assert {p.state for p in programs(settings)} <= {"running", "starting"}
    assert all(0 < p.uptime_s < 10 for p in programs(settings))
    assert is_up(settings)

    assert down(settings) == NAMES
    assert not is_up(settings)
    assert programs(settings) == []
    assert down(settings) == []


def test_everything_in_the_data_directory_is_private(settings: Settings) -> None:
    start(settings)

    paths = [settings.data_dir, settings.redis_socket, settings.supervisor_socket]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths}
    logs = [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in settings.logs_dir.iterdir()]
    assert set(modes.values()) == {0}
    assert set(logs) == {0}


def test_two_ups_at_once_start_one_stack(settings: Settings) -> None:
    reports: list[UpReport] = []
    threads = [threading.Thread(target=lambda: reports.append(start(settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(report.started for report in reports) == [False, True]
    assert sorted(pids(settings)) == sorted(NAMES)


def test_a_killed_program_comes_back(settings: Settings) -> None:
    start(settings)
    worker = process_of(settings, "worker")

    os.kill(worker.pid, signal.SIGKILL)

    until(lambda: pids(settings).get("worker") not in {None, worker.pid})


def test_after_a_killed_supervisor_up_replaces_all_programs(settings: Settings) -> None:
    start(settings)
    before = {record.name: record.process for record in living(settings)}

    os.kill(before["supervisor"].pid, signal.SIGKILL)
    until(lambda: not before["supervisor"].is_alive)
    assert {p.state for p in programs(settings)} == {"orphaned"}
    os.kill(before["web"].pid, signal.SIGKILL)  # the API of an orphaned stack would still answer
    until(lambda: not is_up(settings))
    report = start(settings)

    assert report.started
    until(lambda: {record.name for record in living(settings)} == set(NAMES))
    assert not any(process.is_alive for process in before.values())


def test_up_replaces_an_orphaned_stack_that_still_answers(settings: Settings) -> None:
    start(settings, table(settings, web=LINGERING_WEB))
    before = {record.name: record.process for record in living(settings)}
    os.kill(before["supervisor"].pid, signal.SIGKILL)
    until(lambda: not before["supervisor"].is_alive)

    report = start(settings)

    assert report.started
    assert {record.name for record in living(settings)} == set(NAMES)
    assert not any(process.is_alive for process in before.values())


def test_down_ends_what_a_killed_supervisor_left(settings: Settings) -> None:
    start(settings)
    before = [record.process for record in living(settings)]
    os.kill(process_of(settings, "supervisor").pid, signal.SIGKILL)

    until(lambda: "supervisor" not in pids(settings))
    ended = down(settings)

    assert ended == ["web", "worker", "redis"]
    assert not any(process.is_alive for process in before)


def test_down_ends_a_supervisor_that_does_not_answer(settings: Settings) -> None:
    start(settings)
    before = [record.process for record in living(settings)]
    os.kill(process_of(settings, "supervisor").pid, signal.SIGSTOP)

    ended = down(settings, deadline_s=1)

    assert ended == NAMES
    assert not any(process.is_alive for process in before)


def test_down_ends_a_supervisor_whose_socket_was_cleaned_away(settings: Settings) -> None:
    start(settings)
    before = [record.process for record in living(settings)]
    settings.supervisor_socket.unlink()

    with pytest.raises(StackError, match="aios down"):
        start(settings)
    ended = down(settings)

    assert ended == NAMES
    assert (settings.logs_dir / "worker.log").read_text().count("worker begins") == 1
    assert not any(process.is_alive for process in before)
    assert programs(settings) == []


def test_a_program_that_cannot_start_is_named_in_its_own_words(settings: Settings) -> None:
    rows = table(settings, worker="import sys; sys.exit('the worker has no teeth')")

    with pytest.raises(StackError, match="the worker has no teeth") as failure:
        start(settings, rows)

    assert "worker ends as soon as it is started" in str(failure.value)
    assert programs(settings) == []


@pytest.mark.parametrize(
    ("web", "says"),
    [
        (
            WORKER.replace("worker begins", "I never listen"),
            r"(?s)web is not ready after 2 s.*I never listen",
        ),
        (LONELY_WEB, r"(?s)worker is not ready after 2 s.*worker begins"),
    ],
)
def test_what_is_not_ready_in_time_is_named_and_stopped(settings: Settings, web: str, says: str) -> None:
    with pytest.raises(StackError, match=says):
        up(settings, deadline_s=2, table=table(settings, web=web))

    assert programs(settings) == []


def test_up_starts_again_what_failed_under_a_living_supervisor(settings: Settings) -> None:
    start(settings)
    Supervisor(settings).stop("web")
    assert not is_up(settings)
    supervisor = process_of(settings, "supervisor")

    report = start(settings)

    assert report.started
    assert process_of(settings, "supervisor") == supervisor


@pytest.mark.parametrize(
    "name", ["with space", "Ünïcödé 🚀", "100% ENV_%(x)s", "semi ;colon #hash", "q'u\"o\\te"]
)
def test_any_data_directory_works(short_dir: Path, name: str) -> None:
    settings = settings_for(short_dir / name)
    try:
        start(settings)

        assert sorted(pids(settings)) == sorted(NAMES)
        assert "worker begins" in (settings.logs_dir / "worker.log").read_text()
    finally:
        down(settings, deadline_s=5)


def test_a_long_data_directory_has_its_sockets_elsewhere(short_dir: Path) -> None:
    settings = settings_for(short_dir / ("long" * 30), XDG_RUNTIME_DIR=str(short_dir))
    try:
        assert settings.runtime_dir.parent == short_dir
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(short_dir))  # the programs work it out for themselves
            start(settings)

        assert is_up(settings)
        assert stat.S_IMODE(settings.runtime_dir.stat().st_mode) == 0o700
    finally:
        down(settings, deadline_s=5)


def test_a_directory_of_someone_else_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.data_dir.chmod(0o777)

    with pytest.raises(StackError, match="everyone may write"):
        start(settings)

    settings.data_dir.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(settings.data_dir, 12345, -1)
        with pytest.raises(StackError, match="belongs to another user"):
            start(settings)


def test_an_agent_never_starts_a_stack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOS_ATTEMPT", "5e0c")

    with pytest.raises(StackError, match="agents never start it"):
        start(settings)

    assert not settings.data_dir.exists()


def test_the_programs_see_no_variable_of_ours_but_the_settings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_JOB", "7")

    start(settings)

    raw = Path(f"/proc/{process_of(settings, 'worker').pid}/environ").read_bytes().split(b"\0")
    names = {entry.split(b"=")[0].decode() for entry in raw}
    assert {name for name in names if name.startswith(("AIOS_", "SUPERVISOR_"))} == set(
        settings.environment()
    )


def guarded(settings: Settings, code: str) -> subprocess.Popen[bytes]:
    argv = [
        sys.executable,
        "-m",
        "aios_app.stack.guard",
        "worker",
        "--",
        sys.executable,
        "-c",
        code,
        "--",
        "-x",
    ]
    return subprocess.Popen(argv, env=os.environ | settings.environment(), stderr=subprocess.PIPE)


def test_a_second_guard_of_one_name_gives_way_to_the_first(settings: Settings) -> None:
    with guarded(settings, WORKER) as first:
        until(
            lambda: (
                (record := Record.read(settings.run_dir, "worker")) is not None and record.process.is_alive
            )
        )

        with guarded(settings, WORKER) as second:
            _, words = second.communicate(timeout=5)

        assert second.returncode == guard.EXIT_BUSY
        assert f"worker runs already, pid {first.pid}".encode() in words
        assert first.poll() is None
        first.kill()


def test_a_guard_ends_the_orphan_of_a_dead_parent_and_takes_its_place(settings: Settings) -> None:
    # Given a guarded program whose parent was killed
    argv = [sys.executable, "-m", "aios_app.stack.guard", "worker", "--", sys.executable, "-c", WORKER]
    parent = ["/bin/sh", "-c", '"$@" & wait', "parent", *argv]
    with subprocess.Popen(parent, env=os.environ | settings.environment(), stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"worker begins\n"
        shell.kill()
        shell.wait()
        orphan = process_of(settings, "worker")

        # When another guard of the same name is started
        with guarded(settings, "import sys; sys.exit(3)") as program:
            program.communicate(timeout=5)

    # Then it has run its own program, after the orphan's end
    assert program.returncode == 3
    assert not orphan.is_alive


def test_a_program_begins_only_when_redis_answers(settings: Settings) -> None:
    connect = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(settings.redis_socket)!r})"
    code = f"{connect}; s.send(b'PING\\r\\n'); print(s.recv(9)); {WORKER}"

    redis, *others = table(settings, worker=code)
    late = replace(redis, argv=("/bin/sh", "-c", 'sleep 0.5; exec "$@"', "late", *redis.argv))
    start(settings, [late, *others])

    assert (settings.logs_dir / "worker.log").read_text().splitlines() == ["b'+PONG\\r\\n'", "worker begins"]


def test_an_orphan_that_ignores_sigterm_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(settings, table(settings, worker=DEAF_WORKER))
    deaf = process_of(settings, "worker")
    os.kill(process_of(settings, "supervisor").pid, signal.SIGKILL)
    until(lambda: "supervisor" not in pids(settings))

    down(settings, deadline_s=1)

    assert not deaf.is_alive


def test_a_reused_pid_is_never_ended(settings: Settings) -> None:
    # Given a held lock, and a record whose pid belongs to another process by now
    settings.run_dir.mkdir(parents=True)
    own = find_process(os.getpid())
    assert own is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as bystander:
        stale = Process(pid=bystander.pid, started=own.started - 1)
        Record(name="worker", process=stale, argv=(), parent=stale).write(settings.run_dir)

        # When a guard wants the place, and when the process itself is to be ended
        with exclusive(settings.run_dir / "worker.lock", deadline_s=1), guarded(settings, WORKER) as program:
            _, words = program.communicate(timeout=5)
        is_gone = end_process(stale, grace_s=1)

        # Then the other process lives on
        assert (program.returncode, is_gone) == (guard.EXIT_BUSY, True)
        assert b"an unknown process holds" in words
        assert bystander.poll() is None
        bystander.kill()


def test_the_last_words_of_a_program_hold_no_traceback(settings: Settings) -> None:
    frames = 'Traceback (most recent call last):\n  File "/a.py", line 1, in <module>\n    import b\n'
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    (settings.logs_dir / "web.log").write_text(f"begins\n{frames}ModuleNotFoundError: No module named 'b'\n")

    assert last_words(settings, "web") == "begins\nModuleNotFoundError: No module named 'b'"
