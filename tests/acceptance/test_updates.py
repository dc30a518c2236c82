"""An AIOS that updates itself: an installed clone, its stack, and agents that are at work meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import Completed, Stack
from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

#: An environment of its own that takes the libraries from the one that runs the tests.
_SETUP = f"""\
#!/bin/sh
set -e
cd "$(dirname "$0")/.."
{sys.base_prefix}/bin/python3 -m venv --without-pip .venv
for folder in .venv/lib/python3*/site-packages; do
    printf '%s\\n' "$PWD" '{sysconfig.get_paths()["purelib"]}' >"$folder/aios.pth"
done
"""
_PARTS = ("aios", "aios_app", "pyproject.toml", "web", "workers")


class Release(Stack):
    """A stack whose command line is that of an installed clone."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.remote = root / "aios.git"
        self.developer = root / "developer"

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        return [str(self.root / "home/.local/bin/aios"), *words], self.environment

    def install(self) -> None:
        """A first version on a remote, cloned and installed."""
        names = self.git(CHECKOUT, "ls-files", "-co", "--exclude-standard", *_PARTS).splitlines()
        for name in names:
            if not name.startswith("web/frontend/") and (CHECKOUT / name).exists():
                (self.developer / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(CHECKOUT / name, self.developer / name)
        (self.developer / "script").mkdir()
        (self.developer / "script/setup").write_text(_SETUP)
        (self.developer / "script/setup").chmod(0o755)
        (self.developer / ".gitignore").write_text(".venv/\n__pycache__/\n")
        self.git(self.root, "init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git(self.developer, "init", "-q", "-b", "main")
        self.git(self.developer, "remote", "add", "origin", str(self.remote))
        self.push("one", {})
        self.git(self.root, "clone", "-q", str(self.remote), "checkout")
        subprocess.run([self.root / "checkout/script/setup"], env=self.environment, check=True)
        subprocess.run(
            [self.root / "checkout/aios", "install"],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def push(self, version: str, files: dict[str, str]) -> None:
        """A newer version on the remote, which calls itself so; ``files`` get this text at their end."""
        for name, text in {"aios_app/__init__.py": f'\n__version__ = "{version}"\n', **files}.items():
            path = self.developer / name
            path.write_text((path.read_text() if path.exists() else "") + text)
        self.git(self.developer, "add", "-A")
        self.git(self.developer, "commit", "-q", "-m", f"version {version}")
        self.git(self.developer, "push", "-q", "origin", "main")

    def update(self, *words: str) -> Completed:
        """The command, which takes as long as it takes."""
        process = self.open("update", *words)
        stdout, stderr = process.communicate()
        return Completed(["update", *words], process.returncode, stdout, stderr)

    def pids(self) -> dict[str, str]:
        """Of each program of the stack."""
        lines = [line.split() for line in self.ok("up").splitlines() if " pid " in line]
        return {words[0]: words[-1] for words in lines}

    def version(self) -> str:
        """Of the service that answers."""
        [line] = [line for line in self.ok("status").splitlines() if line.startswith("version")]
        return line.split()[-1]


@pytest.fixture
def release(short_path: Path) -> Iterator[Release]:
    made = Release(short_path)
    made.install()
    yield made
    made.close()


def test_programs_go_over_one_after_another_while_agents_work_and_what_does_not_come_up_is_undone(
    release: Release,
) -> None:
    release.project("shop")
    run = release.start("multi", "shop", "d:1", "say hello\ndemo: seconds 100")
    [job] = release.until_all(run, JobState.RUNNING)
    [session] = release.sessions([job])
    first = release.pids()
    release.push("two", {})

    # Cut off between the switch and the last restart, it is finished by the next one.
    said = _killed_after_switch(release)
    assert (said.returncode, "cut off" in said.stderr, "1 new commit:" in said.stdout) == (4, True, True)
    assert release.ok("--version").split() == ["aios", "two"]

    finished = release.update()

    assert "ok  restarted" in finished.stdout
    assert (release.version(), release.sessions([job])[0].pane_pid) == ("two", session.pane_pid)
    second = release.pids()
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"worker", "web"}

    # By itself, as soon as that is wanted and it is time.
    release.push("three", {})
    release.ok("--auto-update-on")
    release.ok("config", "last_update_check", "0")
    release.await_event(lambda: release.run("--version").stdout.split() == ["aios", "three"])
    assert int(release.ok("config", "last_update_check")) > 0
    lock = release.settings.programs_dir / "update.lock"
    subprocess.run(["flock", "--wait", "30", str(lock), "true"], check=True)
    assert release.version() == "three"
    release.ok("--auto-update-off")

    release.push("four", {"web/server.py": '\nraise RuntimeError("four is broken")\n', **_migration()})
    done = release.update("-y")

    assert (done.returncode, "four is broken" in done.stderr) == (4, True)
    assert "did not come up, the version before it is back" in done.stderr
    assert (release.version(), release.ok("--version").split()) == ("three", ["aios", "three"])
    assert release.sessions([job])[0].pane_pid == session.pane_pid
    assert "did not come up, the version before it is back" in _anyway(release.run("doctor"))
    assert "shop" in release.ok("p")
    # The worker of the new version had changed the database before the service failed.
    assert list(release.settings.data_dir.glob("aios.db.of-*"))
    # The worker that is back has its job.
    release.ok("stop", str(job.number))
    release.until_over(run)

    release.ok("down")
    assert "the stack is down: aios up" in release.update("--back").stdout
    assert release.ok("--version").split() == ["aios", "two"]


def _killed_after_switch(release: Release) -> Completed:
    """An update whose program is killed as soon as the new version is the current one."""
    process = release.open("update", "-y")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ok  current"):
            [updater] = psutil.Process(process.pid).children()
            updater.kill()
            break
    rest, words = process.communicate()
    return Completed(["update"], process.returncode, "".join(lines) + rest, words)


def _migration() -> dict[str, str]:
    """One that the version before knows nothing of."""
    return {"aios_app/store/migrations/999_four.sql": "CREATE TABLE four (x TEXT);\n"}


def _anyway(done: Completed) -> str:
    """Whatever else is bad on this machine."""
    return done.stdout
