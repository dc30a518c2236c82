"""From a name to a job of steps: found, its variables asked for, shown, confirmed, started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from aios_app.cli import output, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.interaction import confirm
from aios_app.cli.names import runnable
from aios_app.cli.tasks.folders import at_home, label_of, task_at
from aios_app.cli.tasks.reading import Task
from aios_app.cli.tasks.values import check_value
from aios_app.domain.errors import ConflictError, UsageError
from aios_app.store.wording import did_you_mean


def find_built(name: str) -> Json | None:
    """The list of steps that was built under exactly this name."""
    lists = session.write(lambda client: client.get("/steps"))["lists"]
    return next((one for one in lists if one["name"] == name), None)


def run_task(
    word: str, given: Sequence[str], *, is_sure: bool, is_quiet: bool, is_dry_run: bool
) -> Json | None:
    """The answer of the API for the task that the word means; None where the person did not want it."""
    task = find_task(word)
    filled = task.filled(_values(task, given))
    asks = terminal.is_interactive() and not (is_sure or is_quiet or is_dry_run)
    if asks or (is_dry_run and not is_quiet):
        _preview(filled)
    if asks and not confirm("Run these?", is_sure=False):
        return None
    body = {
        "name": filled.name,
        "cwd": caller_directory(),
        "steps": [step.to_json() for step in filled.steps],
        "repo": _repo(filled),
        "branch": filled.branch,
        "is_dry_run": is_dry_run,
    }
    try:
        return session.write(lambda client: client.post("/steps/run", body))
    except UsageError as error:
        if not filled.repo:
            raise
        raise UsageError(f"{filled.repo_place}: {error}") from error


def find_task(word: str) -> Task:
    """The task that a word means; raises ``UsageError`` where there is none, or it is broken."""
    task = task_at(word, Path(caller_directory()))
    if task is None:
        shown, known = output.clean(word)[:60], [name for name, _ in runnable(word)]
        hint = did_you_mean(word, known) or f": none were built so, and there is no tasks/{shown}.json"
        raise UsageError(f"there are no steps {shown!r}{hint}")
    return task


def show_steps(steps: Sequence[Mapping[str, str]]) -> None:
    """The steps with all that they run."""
    for number, step in enumerate(steps, start=1):
        output.say(output.clean(f"  {number} {step['description']}"))
        for line in output.clean_block(step["command"]).splitlines():
            output.say(f"      {line}")


def _values(task: Task, given: Sequence[str]) -> dict[str, str]:
    """What stands for each variable: what was given, else its default, else what the person says."""
    said = dict(_pair(word) for word in given)
    known = [*task.needs, *task.variables]
    for name in said:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(f"{_label(task)}: no step uses a variable {output.clean(name)[:40]!r}{hint}")
    defaults = {name: value for name, value in task.variables.items() if value is not None}
    values = {name: check_value(name, value) for name, value in {**defaults, **said}.items()}
    missing = [name for name in task.needs if name not in values]
    if missing and not terminal.is_interactive():
        raise ConflictError(_missing(task, missing))
    return values | {name: _asked(task, name) for name in missing}


def _pair(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign:
        raise UsageError(f"--var {output.clean(word)[:40]} says no value: --var NAME=VALUE")
    return name, value


def _asked(task: Task, name: str) -> str:
    answer = output.ask(f"{name}:").rstrip("\r\n")
    if not answer:
        raise ConflictError(_missing(task, [name]))
    return check_value(name, answer)


def _missing(task: Task, names: Sequence[str]) -> str:
    words = " ".join(f"--var {name}=VALUE" for name in names)
    return f"{task.needs[names[0]]}: no value for {', '.join(names)}: {words}"


def _preview(task: Task) -> None:
    begins = f", beginning at {task.branch}" if task.branch else ""
    where = f"a fresh worktree of {_repo(task)}{begins}" if task.repo else caller_directory()
    output.say(output.clean(f"{task.name}  ({_label(task)})  in {where}"))
    show_steps([step.to_json() for step in task.steps])


def _repo(task: Task) -> str:
    """A directory counts from where the file is."""
    if "/" not in task.repo and task.repo not in {".", ".."} and not task.repo.startswith("~"):
        return task.repo
    return os.path.normpath(Path.cwd() / task.path.parent / at_home(task.repo))


def _label(task: Task) -> str:
    return label_of(task.path, Path(caller_directory()))
