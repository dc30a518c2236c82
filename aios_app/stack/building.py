"""A new release: made by its own ``script/setup``, and tried on a copy of the database before it counts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aios_app.domain.errors import StackError
from aios_app.settings import Settings, environment_without

_PAGES = "web/static"
_LOG = "update.log"
_CHECK_LIMIT_S = 60.0
_WORDS = 8
#: Of the program that updates: they would lead the new release's Python to its modules.
_PYTHON = ("PYTHON", "VIRTUAL_ENV")


def build(release: Path, old: Path, settings: Settings, *, limit_s: float, keep_open: Sequence[int]) -> None:
    """Makes environment and pages of the release; raises ``StackError`` with the last words of the setup.

    Pages that have not changed are taken from ``old``. ``keep_open`` are descriptors that it inherits.
    """
    if (old / _PAGES).is_dir() and not (release / _PAGES).exists():
        shutil.copytree(old / _PAGES, release / _PAGES)
    settings.logs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.logs_dir / _LOG).open("w+b") as log:
        status = _run_setup(release, log.fileno(), limit_s, keep_open)
        log.seek(0)
        words = _last_words(log.read())
    if status is None:
        raise StackError(f"script/setup of the new version took longer than {limit_s:g} s", words)
    if status:
        raise StackError(f"script/setup of the new version ended with {status}", words)


def check(release: Path, old: Path, settings: Settings) -> None:
    """Raises ``StackError`` where the release does not run, or finds bad here what ``old`` does not.

    It takes over a copy of the database in a directory that is thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="aios-update-") as directory:
        environment = environment_without("AIOS_", *_PYTHON) | {"AIOS_DATA_DIR": directory}
        copy = Path(directory, "aios.db")
        has_database = copy_database(settings.database, copy)
        _ask(release, environment, "--version")
        before = _findings(_ask(old, environment, "doctor", "--quiet", fails=True))
        words = ["--database", str(copy)] if has_database else []
        found = _findings(_ask(release, environment, "doctor", "--quiet", *words, fails=True))
    bad = [line for name, line in found.items() if name not in before]
    if bad:
        raise StackError("the new version finds something bad here", "\n".join(bad))


def copy_database(database: Path, copy: Path) -> bool:
    """One state of it, whoever writes meanwhile; False where there is none."""
    if not database.exists():
        return False
    try:
        with (
            contextlib.closing(sqlite3.connect(database)) as one,
            contextlib.closing(sqlite3.connect(copy)) as other,
        ):
            one.backup(other)
    except sqlite3.Error as error:
        raise StackError(f"{database} cannot be copied", str(error)) from error
    copy.chmod(0o600)
    return True


def schema_of(database: Path) -> int:
    """The number of the last migration that was run on it; 0 where there is no database."""
    if not database.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise StackError(f"{database} cannot be read", str(error)) from error


def reads_schema(release: Path, number: int) -> bool:
    """Whether a release reads a database with so many migrations."""
    folder = release / "aios_app/store/migrations"
    return not folder.is_dir() or len(list(folder.glob("*.sql"))) >= number


def _run_setup(release: Path, output: int, limit_s: float, keep_open: Sequence[int]) -> int | None:
    """Its status; None where it was ended at the limit, with all that it had started."""
    try:
        process = subprocess.Popen(
            [release / "script/setup", "update"],
            cwd=release,
            env=environment_without("AIOS_", "GIT_", *_PYTHON),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep_open,
        )
    except OSError as error:
        raise StackError(f"script/setup of the new version does not start: {error.strerror}") from error
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ask(release: Path, environment: Mapping[str, str], *words: str, fails: bool = False) -> str:
    """What its command line says; ``fails``: exit status 1 is an answer too."""
    name = f"aios {words[0]} of {release}"
    try:
        done = subprocess.run(
            [release / "aios", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHECK_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"{name} does not run", str(error)) from error
    if done.returncode not in ({0, 1} if fails else {0}):
        raise StackError(f"{name} ended with {done.returncode}", _last_words(done.stdout + done.stderr))
    return done.stdout.decode(errors="replace")


def _findings(text: str) -> dict[str, str]:
    """The lines of ``doctor --quiet`` by the name of what is bad."""
    lines = [line.split(maxsplit=2) for line in text.splitlines() if line.startswith("bad")]
    return {words[1]: " ".join(words[1:]) for words in lines if len(words) > 1}


def _last_words(text: bytes) -> str:
    lines = [line.rstrip() for line in text.decode(errors="replace").splitlines() if line.strip()]
    return "\n".join(lines[-_WORDS:])
