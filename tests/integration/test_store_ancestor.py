"""What the single-file ancestor kept: taken over in place, and by import."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aios_app.domain.errors import StoreError, UsageError
from aios_app.domain.models import Finishes
from aios_app.store.ancestor import ImportReport, import_ancestor
from aios_app.store.catalog import Catalog
from tests.integration.store_fixtures import (
    DEFAULT_AGENTS,
    FOUNDING_CONFIG,
    FOUNDING_PROJECTS,
    FOUNDING_SESSIONS,
    FOUNDING_TEMPLATES,
    agent,
    write_founding_database,
    write_founding_settings,
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = _open(tmp_path / "ours" / "aios.db")
    yield catalog
    catalog.close()


@pytest.fixture
def ancestor(tmp_path: Path) -> Path:
    write_founding_database(tmp_path / "aios" / "data" / "aio.db")
    write_founding_settings(tmp_path / "aios" / "data" / "config.json")
    return tmp_path / "aios"


def _open(database: Path) -> Catalog:
    return Catalog(
        database,
        default_agents=DEFAULT_AGENTS,
        default_prompt="Do well.",
        founding_templates=FOUNDING_TEMPLATES,
    )


def _import(catalog: Catalog, directory: Path) -> ImportReport:
    return import_ancestor(catalog, directory, founding_templates=FOUNDING_TEMPLATES)


def _execute(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def _files(directory: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _assert_agents_and_prompts_taken(catalog: Catalog) -> None:
    codex, gemini, aider = (catalog.find_agent(key) for key in ("c", "g", "q"))
    assert codex.argv == ("codex", "--no-daemon")
    assert (gemini.kind, gemini.argv) == ("gemini", ("gemini", "--yolo", "--model", "my own"))
    assert (aider.kind, aider.argv) == ("generic", ("aider", "--yes", "two words"))
    assert aider.finishes is Finishes.SILENCE
    assert catalog.find_agent("h").finishes is Finishes.NEVER
    assert {agent.key for agent in catalog.agents()} == {"c", "l", "g", "h", "t", "q"}
    assert catalog.prompt_for(codex) == "Step 1: read.\nStep 2: write."
    assert catalog.get("claude_prompt") == 'Say "hi"\nand $(touch no)'
    assert catalog.prompt_for(gemini) == "Do well."


def test_a_database_of_the_founding_schema_is_taken_over_in_place(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    write_founding_database(database)

    catalog = _open(database)

    saved = catalog.projects()
    assert [(project.path, project.number) for project in saved] == FOUNDING_PROJECTS
    assert [project.name for project in saved] == ["shop", "shop-2", "Über uns"]
    assert {project.machine_id for project in saved} == {catalog.machine_id()}
    assert len({project.uuid for project in saved}) == 3
    assert catalog.add_project(Path("/code/next")).number == 4
    assert catalog.get("worktrees_dir") == "/srv/trees"
    _assert_agents_and_prompts_taken(catalog)
    catalog.close()


def test_the_settings_beside_a_founding_database_are_taken_over_too(tmp_path: Path) -> None:
    write_founding_database(tmp_path / "aios.db")
    (tmp_path / "config.json").write_text(
        '{"auto_update": true, "check_interval": [], "editor_command": "code", "last_update_check": 1761280}'
    )

    catalog = _open(tmp_path / "aios.db")

    taken = {key: catalog.get(key) for key in ("auto_update", "editor_command", "last_update_check")}
    assert taken == {"auto_update": "on", "editor_command": "code", "last_update_check": "1761280"}
    catalog.close()


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_broken_settings_beside_a_founding_database_are_left_where_they_are(
    tmp_path: Path, text: str
) -> None:
    write_founding_database(tmp_path / "aios.db")
    (tmp_path / "config.json").write_text(text)

    catalog = _open(tmp_path / "aios.db")

    assert catalog.get("auto_update") == "off"
    catalog.close()


def test_in_place_every_founding_row_stays(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    write_founding_database(database)

    _open(database).close()

    with closing(sqlite3.connect(database)) as connection:
        sessions = connection.execute("SELECT key, name, command_template FROM sessions").fetchall()
        config = connection.execute("SELECT key, value FROM config").fetchall()
    assert sessions == FOUNDING_SESSIONS
    assert set(FOUNDING_CONFIG) <= set(config)


def test_in_place_rows_of_the_person_are_not_filled_up_with_defaults(tmp_path: Path) -> None:
    database = tmp_path / "aios.db"
    write_founding_database(database)
    _execute(database, "DELETE FROM sessions WHERE key IN ('h', 't')")
    _execute(database, "INSERT INTO sessions VALUES ('z', 'broken', ?)", 'say "never closed')

    catalog = _open(database)

    assert {agent.key for agent in catalog.agents()} == {"c", "l", "g", "q"}
    assert catalog.put_agent(agent("z", "zed")).key == "z"
    catalog.close()


def test_an_import_takes_every_row(catalog: Catalog, ancestor: Path) -> None:
    report = _import(catalog, ancestor)

    assert [project.path for project in catalog.projects()] == [path for path, _ in FOUNDING_PROJECTS]
    _assert_agents_and_prompts_taken(catalog)
    assert catalog.chosen() == {
        "auto_update": "on",
        "check_interval": "604800",
        "claude_prompt": 'Say "hi"\nand $(touch no)',
        "codex_prompt": "Step 1: read.\nStep 2: write.",
        "editor_command": "code .",
        "last_update_check": "1761280352",
        "worktrees_dir": "/srv/trees",
    }
    assert report.skipped == []
    assert set(report.taken) >= {
        "project /home/me/shop",
        "agent g",
        "agent q",
        "prompt lp",
        "setting auto_update",
    }
    assert "agent c: the same already" in report.kept
    assert "prompt gp: its prompt is the default one" in report.kept


def test_a_second_import_changes_nothing(catalog: Catalog, ancestor: Path) -> None:
    first = _import(catalog, ancestor)
    before = (catalog.projects(), catalog.agents(), catalog.chosen())

    second = _import(catalog, ancestor)

    assert second.taken == second.skipped == []
    assert len(second.kept) == len(first.taken) + len(first.kept)
    assert (catalog.projects(), catalog.agents(), catalog.chosen()) == before


def test_an_import_keeps_what_the_person_chose_here(catalog: Catalog, ancestor: Path) -> None:
    catalog.set("codex_prompt", "Mine.")
    catalog.set("auto_update", "off")
    gemini = catalog.find_agent("g")
    own = catalog.put_agent(
        type(gemini)(**{**gemini.to_json(), "argv": ("gemini", "--own"), "finishes": gemini.finishes})
    )

    report = _import(catalog, ancestor)

    assert catalog.get("codex_prompt") == "Mine."
    assert catalog.get("auto_update") == "off"
    assert catalog.find_agent("g") == own
    assert {
        "agent g: it has another command here",
        "setting codex_prompt: it has another value here",
        "setting auto_update: it has another value here",
    } <= set(report.kept)


def test_an_import_leaves_the_source_as_it_is(catalog: Catalog, ancestor: Path) -> None:
    database = ancestor / "data" / "aio.db"
    with closing(sqlite3.connect(database)) as running:
        running.execute("INSERT INTO projects (path, display_order) VALUES ('/home/me/late', 9)")
        running.commit()
        before = _files(ancestor)

        _import(catalog, ancestor)

        assert _files(ancestor) == before
    assert catalog.find_project("late").path == "/home/me/late"


def test_a_closed_source_gets_no_files_beside_it(catalog: Catalog, ancestor: Path) -> None:
    before = _files(ancestor)

    _import(catalog, ancestor)

    assert _files(ancestor) == before


def test_rows_that_cannot_be_taken_are_named_and_the_others_go_on(catalog: Catalog, ancestor: Path) -> None:
    database = ancestor / "data" / "aio.db"
    sessions = [("ls", "lister", "lister"), ("z", "broken", 'say "x'), ("y", "shelly", "cd x && y")]
    for row in sessions:
        _execute(database, "INSERT INTO sessions VALUES (?, ?, ?)", *row)
    for number, path in enumerate(["relative", b"/code/\xff", ""], 20):
        _execute(database, "INSERT INTO projects (path, display_order) VALUES (?, ?)", path, number)
    _execute(database, "INSERT INTO config VALUES ('colour', 'red')")
    (ancestor / "data" / "config.json").write_text(
        '{"auto_update": [], "check_interval": "soon", "other": 1}'
    )

    report = _import(catalog, ancestor)

    assert [line.split(":")[0] for line in report.skipped] == [
        "project relative",
        "project /code/",
        "project",
        "agent ls",
        "agent z",
        "agent y",
        "setting colour",
        "setting auto_update",
        "setting check_interval",
    ]
    assert len(catalog.projects()) == len(FOUNDING_PROJECTS)
    assert catalog.find_agent("q").name == "aider"


def test_settings_or_a_database_alone_will_do(catalog: Catalog, tmp_path: Path) -> None:
    write_founding_settings(tmp_path / "old" / "config.json")
    write_founding_database(tmp_path / "older" / "aio.db")

    assert len(_import(catalog, tmp_path / "old").taken) == 4
    assert "project /home/me/shop" in _import(catalog, tmp_path / "older").taken


def test_a_directory_without_an_ancestor_is_a_usage_error(catalog: Catalog, tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="not the ancestor's"):
            _import(catalog, directory)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("aio.db", b"no database " * 100, "is not a database"),
        ("aio.db", b"", "no such table: projects"),
        ("config.json", b"{", "is not JSON"),
        ("config.json", b"\xff", "is not JSON"),
        ("config.json", b"[" * 100_000, "is not JSON"),
        ("config.json", b"[]", "is not a JSON object"),
    ],
)
def test_a_broken_source_is_one_line_and_nothing_is_taken(
    catalog: Catalog, ancestor: Path, name: str, content: bytes, says: str
) -> None:
    (ancestor / "data" / name).write_bytes(content)

    with pytest.raises(StoreError, match=says) as caught:
        _import(catalog, ancestor)

    assert "\n" not in str(caught.value)
    assert catalog.projects() == []
    assert catalog.chosen() == {}
