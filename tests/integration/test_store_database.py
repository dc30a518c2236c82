"""The database file itself: who may write it at once, what a crash leaves, and what cannot be used."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.domain.errors import StoreError
from aios_app.domain.models import Finishes
from aios_app.store import database as database_module
from aios_app.store.catalog import Catalog
from tests.integration.store_fixtures import DEFAULT_AGENTS, write_founding_database

_PREAMBLE = """
import sys
from pathlib import Path
from aios_app.store.catalog import Catalog
"""
_ADDER = f"""{_PREAMBLE}
catalog = Catalog(Path(sys.argv[1]))
for count in range(200):
    catalog.add_project(Path(f"/code/{{sys.argv[2]}}-{{count}}"))
"""
_ENDLESS = f"""{_PREAMBLE}
catalog = Catalog(Path(sys.argv[1]))
count = 0
while True:
    count += 1
    catalog.note_numbers(0, count)
    catalog.add_project(Path(f"/code/{{count}}"))
    print(count, flush=True)
"""
_IDENTITY = f"""{_PREAMBLE}
print("ready", flush=True)
sys.stdin.readline()
for count in range(10):
    print(Catalog(Path(sys.argv[1]) / f"{{count}}.db").machine_id())
"""
_UNTIL_FULL = f"""{_PREAMBLE}
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
catalog = Catalog(Path(sys.argv[1]))
try:
    for count in range(2000):
        catalog.add_project(Path(f"/code/{{'x' * 200}}{{count}}"))
        print(count)
except Exception as error:
    print(type(error).__name__, error)
"""
_TELL = f"""{_PREAMBLE}
import os
if os.geteuid() == 0:
    os.setuid(65534)
try:
    Catalog(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def _python(script: str, *words: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-W", "ignore::ResourceWarning", "-c", script, *map(str, words)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _check(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_database_is_private_and_logs_ahead(tmp_path: Path) -> None:
    database = tmp_path / "deep" / "data" / "aios.db"

    Catalog(database).close()

    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert _pragma(database, "journal_mode") == "wal"
    assert _pragma(database, "user_version") == len(database_module._migrations())


def test_identities_and_numbers_stay_over_a_restart(tmp_path: Path) -> None:
    first = Catalog(tmp_path / "aios.db")
    first.note_numbers(3, 17)
    first.note_numbers(4, 9)
    machine = first.machine_id()
    first.close()

    second = Catalog(tmp_path / "aios.db")

    assert second.machine_id() == machine
    assert second.last_numbers() == (4, 17)
    second.close()


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"

    writers = [_python(_ADDER, database, name) for name in ("left", "right")]
    codes = [writer.wait(timeout=9) for writer in writers]
    for writer in writers:
        writer.communicate()

    catalog = Catalog(database)
    saved = catalog.projects()
    catalog.close()
    assert codes == [0, 0]
    assert [project.number for project in saved] == list(range(400))
    assert {project.path for project in saved} == {
        f"/code/{side}-{count}" for side in ("left", "right") for count in range(200)
    }


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "aios.db")
    catalog.add_project(Path("/code/shop"))

    def tag(name: str) -> None:
        for count in range(20):
            catalog.tag("shop", [f"{name}{count}"], [])

    threads = [threading.Thread(target=tag, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    shop = catalog.find_project("shop")
    catalog.close()
    assert len(shop.tags) == 80
    assert shop.rev == 81


def test_many_processes_that_make_the_database_at_once_make_one(tmp_path: Path) -> None:
    makers = [_python(_IDENTITY, tmp_path / "data") for _ in range(8)]
    for maker in makers:
        assert maker.stdout is not None
        maker.stdout.readline()
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    answers = {maker.communicate(timeout=9)[0] for maker in makers}

    assert [maker.returncode for maker in makers] == [0] * 8
    assert len(answers) == 1
    assert len(set(answers.pop().splitlines())) == 10


def test_a_writer_killed_in_the_middle_leaves_all_that_it_reported(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    writer = _python(_ENDLESS, database)
    assert writer.stdout is not None
    for _ in range(50):
        writer.stdout.readline()

    writer.send_signal(signal.SIGKILL)
    reported = 50 + len(writer.stdout.read().splitlines())  # communicate() would pass over what was buffered
    writer.communicate()

    catalog = Catalog(database)
    saved = [project.name for project in catalog.projects()]
    last = catalog.last_numbers()[1]
    catalog.close()
    assert _check(database) == "ok"
    assert reported <= len(saved) <= last <= reported + 2


def test_an_error_in_the_middle_of_a_migration_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    write_founding_database(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE project_tags (in_the_way)")
    before = _dump(database)

    with pytest.raises(StoreError, match="project_tags already exists"):
        Catalog(database)

    assert _dump(database) == before
    assert _pragma(database, "user_version") == 0


def test_agents_that_were_watched_and_speak_now_are_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "aios.db"
    watched = [replace(agent, finishes=Finishes.SILENCE) for agent in DEFAULT_AGENTS]
    first = database_module._migrations()[:1]
    with monkeypatch.context() as older:
        older.setattr(database_module, "_migrations", lambda: first)
        Catalog(database, default_agents=watched).close()

    with closing(Catalog(database)) as catalog:
        found = {agent.name: agent.finishes for agent in catalog.agents()}

    assert [found[name] for name in ("codex", "claude", "gemini")] == [Finishes.TURN] * 3
    assert [found[name] for name in ("htop", "top")] == [Finishes.SILENCE] * 2


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    Catalog(database).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")

    for is_read_only in (False, True):
        with pytest.raises(StoreError, match="made by a newer AIOS"):
            Catalog(database, is_read_only=is_read_only)
    assert _pragma(database, "user_version") == 99


@pytest.mark.parametrize(
    "content", [b"this is no database at all, " * 100, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_corrupt_file_is_one_clear_line_and_stays(tmp_path: Path, content: bytes) -> None:
    database = tmp_path / "aios.db"
    database.write_bytes(content)

    with pytest.raises(StoreError, match=r"aios\.db is .*move it away") as caught:
        Catalog(database)

    assert "\n" not in str(caught.value)
    assert database.read_bytes() == content


def test_a_damaged_page_is_one_clear_line(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    catalog = Catalog(database)
    for count in range(60):
        catalog.add_project(Path(f"/code/{count}"))
    catalog.close()
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * (database.stat().st_size - 4096))

    damaged = Catalog(database)
    with pytest.raises(StoreError, match="is damaged") as caught:
        damaged.projects()

    damaged.close()
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_clear_line_and_loses_nothing_written_before(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    Catalog(database).close()

    writer = _python(_UNTIL_FULL, database)
    reported, _ = writer.communicate(timeout=9)

    *counts, error = reported.splitlines()
    catalog = Catalog(database)
    saved = catalog.projects()
    catalog.close()
    assert len(counts) == len(saved) > 0
    assert error.startswith(f"StoreError {database} cannot be ")


def test_a_directory_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        answers = [_as_anyone(Path(name) / "aios.db"), _as_anyone(Path(name) / "deep" / "aios.db")]

    assert answers[0].endswith("aios.db cannot be used: Permission denied")
    assert answers[1].endswith("aios.db cannot be used: Permission denied")


def _as_anyone(database: Path) -> str:
    """What a person without special rights is told; root may write everywhere."""
    argv = [sys.executable, "-c", _TELL, str(database)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=9)
    return done.stdout.strip()


def test_a_path_below_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be used"):
        Catalog(tmp_path / "file" / "aios.db")


def test_a_lock_held_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.1)
    catalog = Catalog(tmp_path / "aios.db")
    with closing(sqlite3.connect(tmp_path / "aios.db")) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="held by another program"):
            catalog.note_numbers(1, 1)
        assert catalog.projects() == []

    catalog.note_numbers(2, 2)
    assert catalog.last_numbers() == (2, 2)
    catalog.close()


def test_opened_to_read_only_it_reads_and_never_writes(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    writer = Catalog(database, default_agents=DEFAULT_AGENTS)
    writer.add_project(Path("/code/shop"))
    reader = Catalog(database, is_read_only=True)

    assert [project.name for project in reader.projects()] == ["shop"]
    writer.add_project(Path("/code/tools"))
    assert len(reader.projects()) == 2
    with pytest.raises(StoreError, match="cannot be written"):
        reader.add_project(Path("/code/more"))

    reader.close()
    writer.close()


def test_opened_to_read_only_it_is_neither_made_nor_migrated(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Catalog(tmp_path / "data" / "aios.db", is_read_only=True)
    write_founding_database(tmp_path / "aios.db")
    with pytest.raises(StoreError, match="of an older AIOS"):
        Catalog(tmp_path / "aios.db", is_read_only=True)

    assert not (tmp_path / "data").exists()
    assert _pragma(tmp_path / "aios.db", "user_version") == 0


def test_a_strange_directory_name_is_only_a_name(tmp_path: Path) -> None:
    database = tmp_path / "what?mode=memory&x=#1 %41 Ünder" / "aios.db"

    Catalog(database).close()

    assert database.is_file()


def test_the_catalogue_imports_no_heavy_module() -> None:
    script = "import sys, aios_app.store.catalog; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    heavy = {
        "celery",
        "redis",
        "git",
        "libtmux",
        "tornado",
        "asyncio",
        "logging",
        "subprocess",
        "tempfile",
        "socket",
    }
    assert heavy.isdisjoint(loaded.split())
