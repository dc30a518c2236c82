"""The rows of the catalogue that a cluster shares, and what this machine last knew of the cluster's.

A row is called ``project:UUID``, ``agent:KEY``, ``setting:KEY`` or ``counter:projects`` and holds JSON.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from aios_app.domain.catalogue import COUNTER, Data, Row
from aios_app.domain.models import Agent
from aios_app.store.agents import agent_columns, read_agents
from aios_app.store.database import Table, Transaction
from aios_app.store.projects import read_projects
from aios_app.store.settings_table import is_machine_bound

_OF_PROJECT = ("number", "name", "path", "machine_id", "url")


class SharedTable(Table):
    """The catalogue as rows that can be compared with the cluster's."""

    def shared_rev(self) -> int:
        """How many changes of the cluster's catalogue this machine knows of; 0: it was never in a cluster."""
        with self._db.reading() as tx:
            return int(tx.rows("shared_rev")[0]["shared_rev"])

    def shared_state(self) -> tuple[dict[str, Data], dict[str, Row]]:
        """The rows as they are here, and as the cluster's last were."""
        with self._db.reading() as tx:
            known = tx.rows("shared_rows")
            here = _rows_here(tx)
        return here, {row["name"]: Row(rev=row["rev"], data=_parsed(row["data"])) for row in known}

    def forget_shared(self) -> None:
        """Nothing is known of any cluster: the next one that is compared with is joined."""
        with self._db.writing() as tx:
            tx.run("forget_shared_rows")
            tx.run("set_shared_rev", rev=0)

    def take_shared(self, changes: Mapping[str, Data | None], known: Mapping[str, Row], rev: int) -> None:
        """Writes these rows (None: removes them), and notes what the cluster's are by now."""
        with self._db.writing() as tx:
            for name in changes:
                _remove(tx, name)
            for name, data in changes.items():
                if data is not None:
                    _restore(tx, name, data)
            for name, row in known.items():
                tx.run("put_shared_row", name=name, rev=row.rev, data=row.data and json.dumps(row.data))
            tx.run("set_shared_rev", rev=rev)


def _parsed(text: str | None) -> Data | None:
    return json.loads(text) if text else None


def _rows_here(tx: Transaction) -> dict[str, Data]:
    rows: dict[str, Data] = {COUNTER: {"highest": tx.rows("highest_project")[0]["highest_project"]}}
    settings: dict[str, dict[str, str]] = {}
    for row in tx.rows("project_settings"):
        settings.setdefault(row["project_uuid"], {})[row["key"]] = row["value"]
    for project in read_projects(tx):
        data = {name: getattr(project, name) for name in _OF_PROJECT}
        own = {"tags": list(project.tags), "settings": settings.get(project.uuid, {})}
        rows[f"project:{project.uuid}"] = data | own
    for agent in read_agents(tx):
        data = agent.to_json()
        rows[f"agent:{agent.key}"] = {name: data[name] for name in data if name not in {"uuid", "rev"}}
    for row in tx.rows("config"):
        if not is_machine_bound(row["key"]):
            rows[f"setting:{row['key']}"] = {"value": row["value"]}
    return rows


def _remove(tx: Transaction, name: str) -> None:
    kind, _, key = name.partition(":")
    if kind == "project":
        tx.run("remove_project", uuid=key)
    elif kind == "agent":
        tx.run("remove_agent_key", key=key)
    elif kind == "setting":
        tx.run("unset_config", key=key)


def _restore(tx: Transaction, name: str, data: Mapping[str, Any]) -> None:
    kind, _, key = name.partition(":")
    if kind == "project":
        _restore_project(tx, key, data)
    elif kind == "agent":
        agent = Agent.from_json({**data, "uuid": "", "rev": 1})
        tx.run("restore_agent", **agent_columns(agent), command_template=shlex.join(agent.argv))
    elif kind == "setting":
        tx.run("set_config", key=key, value=data["value"])
    elif name == COUNTER:
        tx.run("set_highest_project", number=data["highest"])


def _restore_project(tx: Transaction, uuid: str, data: Mapping[str, Any]) -> None:
    tx.run("restore_project", uuid=uuid, rev=1, **{name: data[name] for name in _OF_PROJECT})
    for tag in data["tags"]:
        tx.run("add_tag", uuid=uuid, tag=tag)
    for key, value in data["settings"].items():
        tx.run("set_project_setting", uuid=uuid, key=key, value=value)
