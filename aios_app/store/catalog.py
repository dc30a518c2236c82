"""The catalogue: everything that a person chose, on this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from aios_app.domain.errors import BadValue, StoreError
from aios_app.domain.models import Agent
from aios_app.store import founding
from aios_app.store.agents import agent_columns, write_agent
from aios_app.store.config import ConfigTable
from aios_app.store.database import Database, Transaction
from aios_app.store.projects import free_name
from aios_app.store.settings_table import SETTINGS
from aios_app.store.shared import SharedTable
from aios_app.store.steps import StepTable


class Catalog(ConfigTable, SharedTable, StepTable):
    """What the user chose. Safe to use from several threads and processes at once.

    The file is made where there is none, with the default agents; one of the founding schema is taken over
    in place with all its rows, and the settings beside it. Read-only, it must exist. Close it in the end.
    """

    def __init__(
        self,
        database: Path,
        *,
        default_agents: Sequence[Agent] = (),
        default_prompt: str = "",
        founding_templates: Mapping[str, str] | None = None,
        is_read_only: bool = False,
    ) -> None:
        self.default_agents = tuple(default_agents)
        self._founding_templates = founding_templates or {}
        self._founding_settings = database.with_name(founding.SETTINGS_FILE)
        super().__init__(Database(database, self._fill, is_read_only=is_read_only), default_prompt)

    def close(self) -> None:
        self._db.close()

    def machine_id(self) -> str:
        """The UUID of this machine, made with the database."""
        with self._db.reading() as tx:
            return str(tx.rows("machine")[0]["id"])

    def machine_name(self) -> str:
        return self.get("machine_name") or os.uname().nodename

    def note_numbers(self, run: int, job: int) -> None:
        """Remembers numbers that were given; lower ones than before change nothing."""
        with self._db.writing() as tx:
            tx.run("note_numbers", run=run, job=job)

    def last_numbers(self) -> tuple[int, int]:
        """The highest run and job numbers ever noted: what remains of the counters when Redis is lost."""
        with self._db.reading() as tx:
            row = tx.rows("machine")[0]
        return int(row["last_run"]), int(row["last_job"])

    def _fill(self, tx: Transaction) -> None:
        sessions = {row["key"]: row for row in tx.rows("founding_sessions")}
        if not sessions:
            for agent in self.default_agents:
                write_agent(tx, agent)
        elif self._founding_settings.is_file():
            _adopt_settings(tx, self._founding_settings)
        _name_projects(tx)
        for key, row in sessions.items():
            if founding.is_prompt_row(key, sessions):
                _adopt_prompt(tx, sessions[key[:-1]]["name"], row["command_template"])
            else:
                self._adopt_agent(tx, key, row["name"], row["command_template"])

    def _adopt_agent(self, tx: Transaction, key: str, name: str, template: str) -> None:
        """A row that cannot be an agent stays, unused."""
        with contextlib.suppress(BadValue):
            agent = founding.agent_of(
                key, name, template, defaults=self.default_agents, founding_templates=self._founding_templates
            )
            tx.run("fill_agent", **{**agent_columns(agent), "key": key})


def _adopt_settings(tx: Transaction, path: Path) -> None:
    """What cannot be a setting stays in the file, unused."""
    with contextlib.suppress(StoreError):
        for key, value in founding.read_settings(path).items():
            with contextlib.suppress(BadValue):
                tx.run("keep_config", key=key, value=SETTINGS[key].check(founding.text_of(value)))


def _adopt_prompt(tx: Transaction, name: str, template: str) -> None:
    text = founding.prompt_in(template, {row["key"]: row["value"] for row in tx.rows("config")})
    if text:
        tx.run("keep_config", key=f"{name}_prompt", value=text)


def _name_projects(tx: Transaction) -> None:
    taken: set[str] = set()
    for row in tx.rows("projects"):
        name = free_name(Path(row["path"]).name, taken)
        tx.run("name_project", uuid=row["uuid"], name=name)
        taken.add(name)
