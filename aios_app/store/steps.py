"""The lists of steps that were built: they stay until they are cleared."""

from __future__ import annotations

from itertools import groupby

from aios_app.domain.errors import UsageError
from aios_app.domain.naming import title_of
from aios_app.domain.steps import Step, StepList, check_name, check_step
from aios_app.store.database import Table, Transaction
from aios_app.store.wording import did_you_mean


class StepTable(Table):
    """The lists of steps of the catalogue, by name."""

    def step_lists(self) -> list[StepList]:
        """All of them, by name."""
        with self._db.reading() as tx:
            return _read(tx)

    def find_steps(self, name: str) -> StepList:
        return _find(self.step_lists(), name)

    def add_step(self, name: str, step: Step, directory: str) -> StepList:
        """Adds the step at the list's end; the first one makes the list, and says in which directory it runs.

        Two that add at once both have their step in it, in the order in which they came.
        """
        check_name(name)
        check_step(step)
        with self._db.writing() as tx:
            tx.run("keep_step_list", name=name, directory=directory)
            tx.run("add_step", list=name, description=step.description, command=step.command)
            return _find(_read(tx), name)

    def clear_steps(self, name: str) -> StepList:
        """Forgets the list and its steps."""
        with self._db.writing() as tx:
            found = _find(_read(tx), name)
            tx.run("remove_step_list", name=found.name)
        return found


def _read(tx: Transaction) -> list[StepList]:
    rows = tx.rows("steps")
    return [
        StepList(
            name=name,
            directory=directory,
            steps=tuple(Step(description=row["description"], command=row["command"]) for row in group),
        )
        for (name, directory), group in groupby(rows, key=lambda row: (row["name"], row["directory"]))
    ]


def _find(lists: list[StepList], name: str) -> StepList:
    found = next((one for one in lists if one.name == name), None)
    if found is None:
        hint = did_you_mean(name, [one.name for one in lists])
        raise UsageError(
            f"there is no list of steps '{title_of(name)[:40]}'{hint} (built by NAME: Description | command)"
        )
    return found
