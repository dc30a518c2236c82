from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = {
    "celery",
    "kombu",
    "redis",
    "tornado",
    "git",
    "libtmux",
    "flower",
    "supervisor",
    "psutil",
    "http.client",
    "rich",
    "textual",
}
_SLOW = {"typing", "shutil", "subprocess", "hashlib", "logging", "tempfile", "urllib.request"}
_PROGRAM = "import sys; from aios_app.cli.__main__ import main; main(); print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize(
    "words", [["--help"], ["jobs"], ["p"], ["ls"], ["w"], ["jobs", "--help"], ["--complete", "jobs", "--"]]
)
def test_commands_that_only_look_load_no_heavy_library(words: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "AIOS_DATA_DIR": str(tmp_path), "COVERAGE_PROCESS_START": ""}

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words], env=environment, capture_output=True, text=True, check=True
    )

    loaded = set(done.stderr.splitlines()[-1].split())
    assert "aios_app.cli.__main__" in loaded
    assert loaded & _HEAVY == set()
    assert loaded & _SLOW == set()


def test_only_the_verb_that_was_typed_is_loaded(tmp_path: Path) -> None:
    environment = {**os.environ, "AIOS_DATA_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "jobs"], env=environment, capture_output=True, text=True, check=True
    )

    verbs = {name for name in done.stderr.split() if name.startswith("aios_app.cli.commands.")}
    assert verbs == {"aios_app.cli.commands.jobs"}
