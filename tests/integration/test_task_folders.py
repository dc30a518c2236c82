"""Which task a word means: files, the project's folder, that beside the settings; and the menu of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.cli import session
from aios_app.cli.tasks.folders import task_at
from aios_app.cli.tasks.menu import menu_lines
from aios_app.domain.errors import UsageError
from aios_app.settings import Settings


@pytest.fixture(autouse=True)
def own_instance(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is one of the test's instance."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session.settings.cache_clear()
    yield
    session.settings.cache_clear()


def write(folder: Path, stem: str, name: str) -> None:
    """A task file of one step."""
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    task = {"name": name, "variables": {"b": "x"}, "steps": [{"desc": "d", "cmd": "{{a}} {{b}}"}]}
    (folder / "tasks" / f"{stem}.json").write_text(json.dumps(task))


def named(word: str, cwd: Path) -> str:
    """The name of the task that the word means there."""
    task = task_at(word, cwd)
    return task.name if task else ""


def test_a_word_means_a_file_then_a_task_of_the_project_then_one_beside_the_settings(
    tmp_path: Path, settings: Settings
) -> None:
    project = tmp_path / "shop"
    below = project / "src" / "deep"
    for folder in (project / ".git", below):
        folder.mkdir(parents=True)
    write(project, "build", "Of the project")
    write(settings.config_dir, "build", "Hidden by it")
    write(settings.config_dir, "mine", "Of mine")
    write(settings.config_dir, "other", "mine")
    (project / "tasks" / "broken.json").write_text("{")

    assert named("build", below) == "Of the project"
    assert named("mine", below) == "Of mine"
    assert named("Of mine", below) == "Of mine"
    assert named("../../tasks/build.json", below) == "Of the project"
    assert named("build", tmp_path) == "Hidden by it"
    assert named("nothing", below) == ""
    with pytest.raises(UsageError, match=r"broken.json:1:2: not JSON"):
        task_at("broken", project)


def test_the_menu_has_a_line_for_each_that_can_be_run_or_what_is_wrong(
    tmp_path: Path, settings: Settings
) -> None:
    assert menu_lines([], tmp_path)[0].startswith("nothing can be run yet")
    write(tmp_path, "build", "Build it")
    (tmp_path / "tasks" / "bad.json").write_text('{"name": 1}')
    built = {"name": "de\x1b[31mmo", "directory": "/code", "steps": [{}, {}]}

    assert menu_lines([built], tmp_path) == [
        "run demo   2 steps in /code",
        "run bad    tasks/bad.json:1:1: a task needs 'steps', which is missing",
        "run build  1 step, Build it (tasks/build.json) --var a=",
    ]
