"""Takes over the task files of the single-file ancestor of this program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from aios_app.domain.naming import title_of

_MAX_BYTES = 1_000_000
_KINDS = ("taken", "kept", "skipped")


def import_tasks(source: Path, target: Path) -> dict[str, list[str]]:
    """Copies what ``target`` does not have, and changes nothing; a line for each file by what came of it.

    ``source`` is the ancestor's directory, or its ``data``.
    """
    report: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for path in _files(source):
        kind, why = _take(path, target / path.name)
        what = title_of(f"task {path.name}")
        report[kind].append(f"{what}: {why}" if why else what)
    return report


def _files(source: Path) -> Iterator[Path]:
    root = source.parent if source.name == "data" else source
    yield from sorted(path for path in (root / "tasks").glob("*.json") if path.is_file())


def _take(path: Path, target: Path) -> tuple[str, str]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return "skipped", f"it has more than {_MAX_BYTES:,} bytes"
        text = path.read_bytes()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists():
            same = target.read_bytes() == text
            return "kept", "the same already" if same else "another one is here"
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
    except OSError as error:
        return "skipped", error.strerror or str(error)
    return "taken", ""
