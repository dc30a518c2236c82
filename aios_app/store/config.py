"""Settings of the instance and of its projects, checked by the table of known settings."""

from __future__ import annotations

from dataclasses import replace

from aios_app.domain.errors import UnknownProject, UsageError
from aios_app.domain.models import Agent, Project
from aios_app.store.agents import AgentTable
from aios_app.store.database import Database
from aios_app.store.projects import ProjectTable, read_projects
from aios_app.store.settings_table import PROJECT_SETTINGS, SETTINGS, Kind, Setting, default_max_agents
from aios_app.store.wording import did_you_mean

_PROMPT_SUFFIX = "_prompt"
#: For the agents that have no such settings in the table.
_BRAKES = {"max": SETTINGS["max_codex"], "stagger": replace(SETTINGS["stagger_codex"], default="0")}


class ConfigTable(ProjectTable, AgentTable):
    """The settings of the catalogue. ``shop.setup`` is the setting ``setup`` of project shop.

    Besides the known ones every agent has its own ``<name>_prompt``, and every lane, the agents of one
    login, its ``max_<lane>`` and ``stagger_<lane>``.
    """

    def __init__(self, database: Database, default_prompt: str) -> None:
        super().__init__(database)
        self._default_prompt = default_prompt

    def get(self, key: str) -> str:
        """The value that was set, else the default."""
        project, name = self._split(key)
        if project is not None:
            return self.project_setting(project, name)
        config = self._config()
        return config[key] if key in config else self._default(self._setting(key))

    def set(self, key: str, value: str) -> str:
        """Stores a value that fits, and returns it as stored."""
        project, name = self._split(key)
        if project is not None:
            return self.set_project_setting(project, name, value)
        checked = self._setting(key).check(value)
        with self._db.writing() as tx:
            tx.run("set_config", key=key, value=checked)
        return checked

    def unset(self, key: str) -> None:
        """Back to the default; what is not set stays so."""
        project, name = self._split(key)
        if project is not None:
            _project_setting(name)
        elif key not in self._config():
            self._setting(key)
        with self._db.writing() as tx:
            if project is not None:
                tx.run("unset_project_setting", uuid=project.uuid, key=name)
            else:
                tx.run("unset_config", key=key)

    def values(self) -> dict[str, str]:
        """All settings as ``get`` answers them: the known ones, and what was set of projects and agents."""
        defaults = {key: self._default(setting) for key, setting in SETTINGS.items()}
        return dict(sorted((defaults | self.chosen()).items()))

    def chosen(self) -> dict[str, str]:
        """Only what was set, those of projects written as shop.setup."""
        with self._db.reading() as tx:
            names = {project.uuid: project.name for project in read_projects(tx)}
            rows = tx.rows("project_settings")
        return self._config() | {f"{names[row['project_uuid']]}.{row['key']}": row["value"] for row in rows}

    def project_setting(self, project: Project, key: str) -> str:
        setting = _project_setting(key)
        with self._db.reading() as tx:
            rows = tx.rows("project_settings")
        own = {row["key"]: str(row["value"]) for row in rows if row["project_uuid"] == project.uuid}
        return own.get(key, setting.default)

    def set_project_setting(self, project: Project, key: str, value: str) -> str:
        """Stores a value under the project's identity, so that it outlives a new name or number."""
        checked = _project_setting(key).check(value)
        with self._db.writing() as tx:
            if all(saved.uuid != project.uuid for saved in read_projects(tx)):
                raise UnknownProject(f"project {project.name} is not saved any more")
            tx.run("set_project_setting", uuid=project.uuid, key=key, value=checked)
        return checked

    def prompt_for(self, agent: Agent) -> str:
        """The agent's default prompt: its own where one was set, else everyone's."""
        return self._config().get(agent.name + _PROMPT_SUFFIX) or self._default_prompt

    def lanes(self) -> tuple[str, ...]:
        """The lanes of all agents, with those that have settings of their own."""
        known = {key.removeprefix("stagger_") for key in SETTINGS if key.startswith("stagger_")}
        return tuple(known | {agent.lane for agent in self.agents()})

    def _split(self, key: str) -> tuple[Project | None, str]:
        ref, dot, name = key.rpartition(".")
        return (self.find_project(ref) if dot else None), name

    def _config(self) -> dict[str, str]:
        with self._db.reading() as tx:
            return {row["key"]: str(row["value"]) for row in tx.rows("config")}

    def _setting(self, key: str) -> Setting:
        if key in SETTINGS:
            return SETTINGS[key]
        if key in {agent.name + _PROMPT_SUFFIX for agent in self.agents()}:
            return replace(SETTINGS["codex_prompt"], key=key)
        brake, _, lane = key.partition("_")
        if brake in _BRAKES and lane in self.lanes():
            return replace(_BRAKES[brake], key=key)
        if key in PROJECT_SETTINGS:
            raise UsageError(f"{key} belongs to a project: write PROJECT.{key}")
        raise UsageError(f"there is no setting {key!r}{did_you_mean(key, SETTINGS)} (aios config lists them)")

    def _default(self, setting: Setting) -> str:
        if setting.kind is Kind.PROMPT:
            return self._default_prompt
        return str(default_max_agents()) if setting.key == "max_agents" else setting.default


def _project_setting(key: str) -> Setting:
    if key not in PROJECT_SETTINGS:
        known = ", ".join(PROJECT_SETTINGS)
        raise UsageError(
            f"a project has no setting {key!r}{did_you_mean(key, PROJECT_SETTINGS)} (there are: {known})"
        )
    return PROJECT_SETTINGS[key]
