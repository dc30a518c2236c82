"""The shell library of the scripts, with stand-ins for the programs that it looks at and runs."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Machine:
    """A directory that is the whole PATH of what runs in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "log"
        for name in ("env", "id"):
            program = shutil.which(name)
            assert program is not None
            self.add(name, f'exec {program} "$@"')
        self.add("python3.12", f'exec {sys.executable} "$@"')

    def add(self, name: str, script: str) -> None:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        code = f'set -eu; root={shlex.quote(str(ROOT))}; . "$root/script/lib.sh"; {line}'
        return subprocess.run(
            ["/bin/sh", "-c", code],
            env={"PATH": str(self.directory)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_missing_is_named_by_its_package(machine: Machine) -> None:
    machine.add("git", "echo git version 2.39.5")

    assert machine.run("missing_packages").stdout.split()[:1] == ["tmux"]


def test_what_only_tests_drive_is_for_developers_alone(machine: Machine) -> None:
    machine.add("git", "echo git version 2.39.5")
    machine.add("tmux", "echo tmux 3.3a")
    machine.add("chromium", "")

    wanted = set(machine.run("wanted_kind=dev; missing_packages").stdout.split())
    assert {"vim", "zsh", "fish", "openssh-client"} <= wanted
    assert "chromium" not in machine.run("wanted_kind=dev; missing_packages").stdout
    assert "vim" not in machine.run("wanted_kind=plain; missing_packages").stdout


@pytest.mark.parametrize("version", ["3.2", "3.3a", "3.10", "next-4.0", "10.1"])
def test_a_recent_tmux_is_not_missing(machine: Machine, version: str) -> None:
    machine.add("git", "echo git version 2.34.1")
    machine.add("tmux", f"echo tmux {version}")

    assert "tmux" not in machine.run("missing_packages").stdout


@pytest.mark.parametrize(
    ("git", "tmux", "words"),
    [("2.33.9", "3.3a", "git 2.33.9 is too old: 2.34 is needed"), ("2.39.5", "3.1c", "tmux 3.1c is too old")],
)
def test_what_is_too_old_ends_the_script_by_name(machine: Machine, git: str, tmux: str, words: str) -> None:
    machine.add("git", f"echo git version {git}")
    machine.add("tmux", f"echo tmux {tmux}")

    done = machine.run("set_up plain")

    assert done.returncode == 4
    assert words in done.stderr


def test_an_old_python_ends_the_script_by_name(machine: Machine) -> None:
    (machine.directory / "python3.12").unlink()
    machine.add("python3", "case $1 in --version) echo Python 3.10.12 ;; *) exit 1 ;; esac")
    machine.add("git", "echo git version 2.39.5")
    machine.add("tmux", "echo tmux 3.3a")

    done = machine.run("set_up plain")

    assert done.returncode == 4
    assert "Python 3.10.12 is too old: 3.11 is needed" in done.stderr


def test_without_terminal_and_rights_the_one_command_is_printed(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    machine.add("sudo", "exit 1")
    machine.add("apt-get", f"echo called >> {machine.log}")

    done = machine.run("install_packages tmux git")

    assert done.returncode == 3
    assert "sudo apt-get update && sudo apt-get install --yes --no-install-recommends tmux git" in done.stderr
    assert not machine.log.exists()


def test_who_has_no_sudo_is_told_to_be_root(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    machine.add("apt-get", f"echo called >> {machine.log}")

    done = machine.run("install_packages tmux")

    assert done.returncode == 3
    assert "Run this as root, then" in done.stderr
    assert "    apt-get update && apt-get install" in done.stderr
    assert not machine.log.exists()


@pytest.mark.parametrize("user", ["0", "1000"])
def test_with_the_right_to_it_packages_are_installed_from_fresh_lists(machine: Machine, user: str) -> None:
    machine.add("id", f"echo {user}")
    machine.add("sudo", f'echo sudo >> {machine.log}; case $1 in -n) exit 0 ;; esac; exec "$@"')
    machine.add("apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {machine.log}')

    done = machine.run("install_packages tmux git")

    assert done.returncode == 0, done.stderr
    calls = machine.log.read_text().splitlines()
    assert [call for call in calls if call != "sudo"] == [
        "noninteractive update -qq",
        "noninteractive install -qq --yes --no-install-recommends tmux git",
    ]
    assert ("sudo" in calls) == (user != "0")


def test_an_update_installs_nothing_of_the_system_and_names_what_is_missing(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", f"echo called >> {machine.log}")

    done = machine.run("may_install=no; install_packages fish")

    assert done.returncode == 3
    assert "Missing: fish. Run this, then the same again:\n    apt-get update && apt-get" in done.stderr
    assert not machine.log.exists()


def test_a_failing_package_manager_ends_the_script(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", "echo noise; case $1 in update) ;; *) echo no space left >&2; exit 100 ;; esac")

    done = machine.run("install_packages tmux; echo went on")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "apt-get install failed:\nnoise\nno space left\n"


def test_the_scripts_are_programs() -> None:
    names = ("aios", "script/setup", "script/check", "script/fix", "script/test", "script/demo", ".ci/run")

    assert [name for name in names if not os.access(ROOT / name, os.X_OK)] == []


def test_the_program_runs_through_links_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(ROOT / "aios")
    (tmp_path / "aio").symlink_to(tmp_path / "first")

    done = subprocess.run(["./aio", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "aios" in done.stdout


def test_without_an_environment_the_program_says_what_makes_one(tmp_path: Path) -> None:
    shutil.copy(ROOT / "aios", tmp_path / "aios")

    done = subprocess.run([tmp_path / "aios"], capture_output=True, text=True, check=False)

    assert done.returncode == 4
    assert f"run {tmp_path}/script/setup" in done.stderr


def test_a_checkout_that_was_moved_says_so_and_its_environment_counts_for_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / "aios", tmp_path / "aios")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n[ $1 = -c ] || echo runs\n")
    python.chmod(0o755)
    (tmp_path / "pyproject.toml").touch()
    ask = f"root={tmp_path}; . {ROOT}/script/lib.sh; wanted_kind=plain; digest=$(project_digest)\n"
    for place, said, answer in (("elsewhere", "was moved or copied", "no"), (str(tmp_path), "runs", "yes")):
        line = (
            f'echo "plain $digest {place}" >{tmp_path}/.venv/.installed; is_installed && echo yes || echo no'
        )

        known = subprocess.run(["/bin/sh", "-c", ask + line], capture_output=True, text=True, check=True)
        done = subprocess.run([tmp_path / "aios"], capture_output=True, text=True, check=False)

        assert known.stdout == f"{answer}\n"
        assert said in done.stdout + done.stderr
