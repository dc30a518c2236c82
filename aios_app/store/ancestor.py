"""``aios import DIR``: what the single-file ancestor of AIOS kept, taken over without touching it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from aios_app.domain.errors import BadValue, ConflictError, ProjectExists, UsageError
from aios_app.domain.naming import title_of
from aios_app.store import founding
from aios_app.store.catalog import Catalog
from aios_app.store.database import translated

_DATABASE = "aio.db"
_SAME = "the same already"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What came of each row, one line each. Kept is what stood in the catalogue before."""

    taken: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    paths: tuple[str, ...] = ()
    sessions: Mapping[str, tuple[str, str]] = field(default_factory=dict)  #: key -> name, command template
    config: Mapping[str, str] = field(default_factory=dict)


def import_ancestor(
    catalog: Catalog, directory: Path, *, founding_templates: Mapping[str, str] | None = None
) -> ImportReport:
    """Takes projects, settings, agents and prompts over; what the catalogue has already is kept.

    All is read before anything is written. ``founding_templates`` are the commands, by key, that the ancestor
    came with: agents that still have them get today's.
    """
    source, settings = _read(directory)
    return _Import(catalog, source, settings, founding_templates or {}).run()


class _Import:
    def __init__(
        self, catalog: Catalog, source: _Source, settings: Mapping[str, object], templates: Mapping[str, str]
    ) -> None:
        self._catalog = catalog
        self._source = source
        self._settings = settings
        self._templates = templates
        self._report = ImportReport()

    def run(self) -> ImportReport:
        for path in self._source.paths:
            self._take(f"project {path}", partial(self._project, path))
        for key in self._source.sessions:
            if not founding.is_prompt_row(key, self._source.sessions):
                self._take(f"agent {key}", partial(self._agent, key))
        for key, value in (*self._source.config.items(), *self._settings.items()):
            self._take(f"setting {key}", partial(self._setting, key, value))
        for key in self._source.sessions:
            if founding.is_prompt_row(key, self._source.sessions):
                self._take(f"prompt {key}", partial(self._prompt, key))
        return self._report

    def _take(self, what: str, take: Callable[[], str]) -> None:
        """``take`` says why the row was kept; nothing, when it was taken."""
        what = title_of(what)
        try:
            why = take()
        except (UsageError, ConflictError) as error:
            self._report.skipped.append(f"{what}: {error}")
        else:
            (self._report.kept if why else self._report.taken).append(f"{what}: {why}" if why else what)

    def _project(self, path: str) -> str:
        if not Path(path).is_absolute():
            raise BadValue("the path is not absolute")
        try:
            self._catalog.add_project(Path(path))
        except ProjectExists:
            return "saved already"
        return ""

    def _agent(self, key: str) -> str:
        defaults = self._catalog.default_agents
        name, template = self._source.sessions[key]
        agent = founding.agent_of(key, name, template, defaults=defaults, founding_templates=self._templates)
        saved = next((saved for saved in self._catalog.agents() if saved.key == key), None)
        if saved is not None and saved.argv == agent.argv:
            return _SAME
        if saved is not None and all(saved.argv != default.argv for default in defaults):
            return "it has another command here"
        self._catalog.put_agent(replace(agent, uuid=saved.uuid if saved else ""))
        return ""

    def _setting(self, key: str, value: object) -> str:
        text = founding.text_of(value)
        saved = self._catalog.chosen().get(key)
        if saved is None:
            self._catalog.set(key, text)
            return ""
        return _SAME if saved == text else "it has another value here"

    def _prompt(self, key: str) -> str:
        base, _ = self._source.sessions[key[:-1]]
        text = founding.prompt_in(self._source.sessions[key][1], self._source.config)
        return self._setting(f"{base}_prompt", text) if text else "its prompt is the default one"


def _read(directory: Path) -> tuple[_Source, Mapping[str, object]]:
    for home in (directory / "data", directory):
        database, config = home / _DATABASE, home / founding.SETTINGS_FILE
        if database.is_file() or config.is_file():
            source = _read_database(database) if database.is_file() else _Source()
            return source, founding.read_settings(config) if config.is_file() else {}
    neither = f"neither {_DATABASE} nor {founding.SETTINGS_FILE}"
    raise UsageError(f"{directory} is not the ancestor's: it holds {neither}, nor does data/")


def _read_database(path: Path) -> _Source:
    """Reads a copy, with what its log holds: opening the file itself would write beside it."""
    with translated(path), tempfile.TemporaryDirectory(prefix="aios-import-") as scratch:
        for name in (path.name, f"{path.name}-wal"):
            if path.with_name(name).is_file():
                shutil.copyfile(path.with_name(name), Path(scratch) / name)
        with closing(sqlite3.connect(Path(scratch) / path.name)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            paths = connection.execute("SELECT CAST(path AS TEXT) FROM projects ORDER BY display_order")
            sessions = connection.execute(
                "SELECT CAST(key AS TEXT), CAST(name AS TEXT), CAST(command_template AS TEXT) FROM sessions"
            )
            config = connection.execute("SELECT CAST(key AS TEXT), CAST(value AS TEXT) FROM config")
            return _Source(
                paths=tuple(path for (path,) in paths),
                sessions={key: (name, template) for key, name, template in sessions},
                config=dict(config),
            )
