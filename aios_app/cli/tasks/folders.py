"""Where task files are: in ``tasks`` of the project that the person is in, and beside their settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aios_app.cli import session
from aios_app.cli.tasks.reading import Task, read_task
from aios_app.domain.errors import UsageError


def task_at(word: str, cwd: Path) -> Task | None:
    """The task that a word means: a file where it looks like one, else that of this name in the folders.

    A file's name goes before the name that stands in a file.
    """
    if "/" in word or word.endswith(".json"):
        return read_task(cwd / at_home(word), word)
    files = list(task_files(cwd))
    named = [path for path in files if path.stem == word]
    if named:
        return read_task(named[0], label_of(named[0], cwd))
    tasks = (task for path in files if (task := _readable(path, cwd)) is not None)
    return next((task for task in tasks if task.name == word), None)


def task_files(cwd: Path) -> Iterator[Path]:
    """The task files of both folders, by name; of two with one name the project's own."""
    seen: set[str] = set()
    for folder in (_project(cwd) / "tasks", session.settings().config_dir / "tasks"):
        for path in sorted(folder.glob("*.json")):
            if path.stem not in seen and path.is_file():
                seen.add(path.stem)
                yield path


def label_of(path: Path, cwd: Path) -> str:
    """The file as a person in ``cwd`` would type it."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def at_home(word: str) -> Path:
    """The path, with the home directory for its ``~``; as it is where nobody has that name."""
    with suppress(RuntimeError):
        return Path(word).expanduser()
    return Path(word)


def _readable(path: Path, cwd: Path) -> Task | None:
    try:
        return read_task(path, label_of(path, cwd))
    except UsageError:
        return None


def _project(cwd: Path) -> Path:
    """The root of the repository that the directory is in, else the directory."""
    return next((place for place in (cwd, *cwd.parents) if (place / ".git").exists()), cwd)
