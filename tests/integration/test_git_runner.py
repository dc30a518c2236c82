from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aios_app.domain.errors import ExternalError, GitError, UsageError
from aios_app.git.runner import GitFailed, first_words, run_git
from tests.conftest import CHECKOUT
from tests.integration.git_fixtures import git, make_repository, quiet_git
from tests.integration.landing_fixtures import is_gone

__all__ = ["quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_of_words_without_end_the_first_and_the_last_are_told(tmp_path: Path) -> None:
    talk = "alias.talk=!echo first >&2; yes more | head -c 3000000 >&2; echo last >&2; exit 1"

    with pytest.raises(GitFailed) as caught:
        run_git(["-c", talk, "talk"], cwd=tmp_path, timeout_s=10)

    assert caught.value.stderr.startswith("first\n")
    assert caught.value.stderr.endswith("last\n")
    assert len(caught.value.stderr) < 20_000


def test_output_that_is_not_utf8_comes_back_unharmed(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r").root
    Path(os.fsdecode(os.fsencode(repo) + b"/\xff.txt")).touch()

    output = run_git(["ls-files", "--others", "-z"], cwd=repo, timeout_s=5)

    assert os.fsencode(output) == b"\xff.txt\0"


def test_a_failure_carries_gits_own_words(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository") as caught:
        run_git(["status"], cwd=tmp_path, timeout_s=5)

    assert caught.value.stderr.startswith("fatal: ")
    assert first_words(caught.value).startswith("not a git repository")


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"/gone is gone"):
        run_git(["status"], cwd=tmp_path / "gone", timeout_s=5)


def test_each_command_is_logged_by_its_verb_and_status_without_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(GitError):
        run_git(["rev-parse", "secret"], cwd=tmp_path, timeout_s=5)

    [record] = [one for one in caplog.records if one.name == "aios_app.git.runner"]
    assert (vars(record)["git_cmd"], vars(record)["git_exit"]) == ("rev-parse", 128)
    assert "secret" not in record.getMessage()


def test_a_nul_byte_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NUL"):
        run_git(["rev-parse", "a\0b"], cwd=tmp_path, timeout_s=5)


def test_the_whole_group_is_ended_at_the_limit_even_where_it_ignores_sigterm(tmp_path: Path) -> None:
    # Given an alias whose shell ignores SIGTERM and has a child
    repo = make_repository(tmp_path / "r").root
    script = _program(
        tmp_path / "stubborn", f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; wait; sleep 60"
    )
    git(repo, "config", "alias.stubborn", f"!{script}")

    # When it runs into the limit
    begun = time.monotonic()
    with pytest.raises(GitError, match=r"git stubborn took longer than 0\.5 s"):
        run_git(["stubborn"], cwd=repo, timeout_s=0.5)

    # Then neither lives on
    assert time.monotonic() - begun < 5
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_helper_that_left_the_group_is_ended_at_the_limit_too(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r").root
    script = _program(
        tmp_path / "stray", f"trap '' TERM; exec setsid sh -c 'echo $$ > {tmp_path}/child; sleep 60'"
    )
    git(repo, "config", "alias.stray", f"!{script}")

    with pytest.raises(GitError, match="git stray took longer"):
        run_git(["stray"], cwd=repo, timeout_s=0.5)

    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_daemon_that_git_leaves_behind_does_not_hold_the_answer_up(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r").root
    script = _program(tmp_path / "leave", f"sleep 30 >/dev/null & echo $! > {tmp_path}/daemon; echo done")
    git(repo, "config", "alias.leave", f"!{script}")

    begun = time.monotonic()
    output = run_git(["leave"], cwd=repo, timeout_s=8)
    os.kill(int((tmp_path / "daemon").read_text()), signal.SIGKILL)

    assert output == "done\n"
    assert time.monotonic() - begun < 4


def test_git_sees_nothing_of_ours_or_of_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an alias that shows its environment, and variables that would lead git astray
    repo = make_repository(tmp_path / "r").root
    git(repo, "config", "alias.tell", f"!{_program(tmp_path / 'tell', 'env -0')}")
    for name in ("AIOS_ATTEMPT", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, "/nowhere")

    output = run_git(["tell"], cwd=repo, timeout_s=5, env={"MINE": "1"})

    # Then it has none of them, asks nothing and speaks English
    seen = dict(entry.split("=", 1) for entry in output.split("\0") if entry)
    assert not [name for name, value in seen.items() if value == "/nowhere"]
    assert seen["GIT_TERMINAL_PROMPT"] == "0"
    assert seen["GIT_ASKPASS"] == "false"
    assert seen["LC_ALL"] == "C.UTF-8"
    assert seen["MINE"] == "1"


@pytest.mark.parametrize("key", ["", "core.sshCommand"])
def test_ssh_asks_nothing_but_a_command_of_the_person_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    # Given an ssh that writes down how it was called, on PATH or chosen by the person
    repo = make_repository(tmp_path / "r").root
    said = tmp_path / "arguments"
    ssh = _program(tmp_path / "bin" / "ssh", f'echo "$@" >> {said}; exit 1')
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    if key:
        git(repo, "config", key, f"{ssh} -oMine=1")
    else:
        monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")

    with pytest.raises(GitError):
        run_git(["fetch", "ssh://somewhere/x"], cwd=repo, timeout_s=5)

    assert ("-oBatchMode=yes -oConnectTimeout=2" in said.read_text()) is (key == "")
    assert ("-oMine=1" in said.read_text()) is (key != "")


@pytest.mark.parametrize("reading", [True, False])
def test_hooks_of_the_repository_run_only_where_git_works_for_the_person(
    tmp_path: Path, *, reading: bool
) -> None:
    repo = make_repository(tmp_path / "r").root
    _program(repo / ".git/hooks/post-checkout", f"touch {tmp_path}/ran")

    run_git(["checkout", "-b", "other"], cwd=repo, timeout_s=5, reading=reading)

    assert (tmp_path / "ran").exists() is not reading


def test_a_missing_git_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ExternalError, match="apt-get install git"):
        run_git(["version"], cwd=Path("/"), timeout_s=5)


def test_the_package_can_be_imported_where_git_is_missing(tmp_path: Path) -> None:
    code = "import os, aios_app.git.runner; assert 'GIT_PYTHON_REFRESH' not in os.environ"

    done = subprocess.run([sys.executable, "-c", code], env={"PATH": str(tmp_path)}, capture_output=True)

    assert done.stderr == b""
    assert done.returncode == 0


def test_no_other_part_of_the_product_runs_git() -> None:
    """But ``doctor``, which asks for git's version and the person's name, and the stand-in for an agent."""
    calls = re.compile(r"\[\s*[\"']git[\"']|\.git\.execute\(|git\.cmd\b")
    folders = [CHECKOUT / name for name in ("aios_app", "web", "workers")]
    found = [path for folder in folders for path in folder.rglob("*.py") if calls.search(path.read_text())]

    assert {path.relative_to(CHECKOUT).as_posix() for path in found} == {
        "aios_app/agents/demo_program.py",
        "aios_app/git/runner.py",
        "aios_app/stack/doctor.py",
    }
