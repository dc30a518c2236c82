"""What can be run: the lists that were built, and the task files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aios_app.cli import output
from aios_app.cli.client import Json
from aios_app.cli.tasks.folders import label_of, task_files
from aios_app.cli.tasks.reading import read_task
from aios_app.domain.errors import UsageError


def menu_lines(lists: Sequence[Json], cwd: Path) -> list[str]:
    """A line for each, with the word that runs it first; what is wrong with a file stands in its place."""
    rows = [(one["name"], f"{_count(len(one['steps']))} in {one['directory']}") for one in lists]
    rows += [(path.stem, _described(path, label_of(path, cwd))) for path in task_files(cwd)]
    if not rows:
        return [
            "nothing can be run yet: NAME: Description | command builds a step, tasks/NAME.json holds some"
        ]
    width = max(output.cells(output.clean(name)) for name, _ in rows)
    return [
        f"run {output.pad(output.clean(name), min(width, 30))}  {output.clean(says)}" for name, says in rows
    ]


def _described(path: Path, label: str) -> str:
    try:
        task = read_task(path, label)
    except UsageError as error:
        return str(error)
    wanted = " ".join(f"--var {name}=" for name in task.needs if task.variables.get(name) is None)
    return f"{_count(len(task.steps))}, {task.name} ({label}) {wanted}".rstrip()


def _count(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"
