"""Task files of the ancestor, copied beside the settings."""

from __future__ import annotations

import stat
from pathlib import Path

from aios_app.services.import_tasks import import_tasks


def test_task_files_are_copied_and_what_is_there_already_is_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "aios", tmp_path / "config" / "tasks"
    for folder in (source / "data", source / "tasks", target):
        folder.mkdir(parents=True)
    for name in ("new", "same", "other"):
        (source / "tasks" / f"{name}.json").write_text(f'{{"name": "{name}"}}')
    (target / "same.json").write_text('{"name": "same"}')
    (target / "other.json").write_text("mine")
    (source / "tasks" / "large.json").write_text(" " * 1_000_001)
    (source / "tasks" / "gone.json").symlink_to(tmp_path / "nowhere")

    report = import_tasks(source / "data", target)

    assert report == {
        "taken": ["task new.json"],
        "kept": ["task other.json: another one is here", "task same.json: the same already"],
        "skipped": ["task large.json: it has more than 1,000,000 bytes"],
    }
    assert (target / "new.json").read_text() == '{"name": "new"}'
    assert stat.S_IMODE((target / "new.json").stat().st_mode) == 0o600
    assert (target / "other.json").read_text() == "mine"


def test_without_tasks_nothing_is_made(tmp_path: Path) -> None:
    assert import_tasks(tmp_path, tmp_path / "tasks") == {"taken": [], "kept": [], "skipped": []}
    assert list(tmp_path.iterdir()) == []
