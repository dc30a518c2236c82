"""What the doctor finds on this very machine, with a shell and a home of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aios_app.settings import Settings, load
from aios_app.stack.doctor import AgentProgram, Check, checks
from aios_app.stack.login_shell import login_environment
from aios_app.stack.waiting import tries


def settings_with(tmp_path: Path, profile: str) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".profile").write_text(profile)
    return load({"HOME": str(home), "SHELL": "/bin/sh", "AIOS_DATA_DIR": str(tmp_path / "data")})


def found(settings: Settings, name: str, **programs: str) -> Check:
    agents = {agent: AgentProgram(program=program) for agent, program in programs.items()}
    return next(c for c in checks(settings, agents=agents, shell_deadline_s=2) if c.name == name)


def test_a_healthy_machine_has_nothing_to_mend(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, 'PATH="$HOME/.local/bin:$PATH"')

    bad = [check for check in checks(settings) if check.ok is False]

    assert bad == []


def test_keys_are_named_and_their_values_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(tmp_path, "echo Welcome; export OPENAI_API_KEY=sk-secret")
    monkeypatch.setenv("GEMINI_API_KEY", "only-in-this-terminal")

    everything = checks(settings)

    assert next(c.says for c in everything if c.name == "keys") == "agents will see OPENAI_API_KEY"
    assert "sk-secret" not in str(everything)
    assert (login_environment(settings) or {})["OPENAI_API_KEY"] == ""


def test_a_login_shell_that_hangs_is_reported_and_ended(tmp_path: Path) -> None:
    child = f"echo $$ > {tmp_path}/pid; read line < {tmp_path}/never"
    hang = f"mkfifo {tmp_path}/never; sh -c '{child}'; true"
    settings = settings_with(tmp_path, hang)

    check = found(settings, "keys")

    assert check.ok is False
    assert "does not start in time" in check.says
    pid = (tmp_path / "pid").read_text().strip()
    assert any(not Path(f"/proc/{pid}").exists() for _ in tries(2))


def test_an_old_git_and_a_missing_tmux_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(tmp_path, "")
    (tmp_path / "git").write_text("#!/bin/sh\necho git version 2.30.2\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    git, tmux = found(settings, "git"), found(settings, "tmux")

    assert (git.ok, git.mend) == (False, "sudo apt-get install git")
    assert git.says == "git version 2.30.2: too old, 2.34 is needed"
    assert (tmux.ok, tmux.says) == (False, "not installed")


def test_a_data_directory_open_to_all_is_named(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "")
    assert found(settings, "data").ok is None
    settings.data_dir.mkdir()
    settings.data_dir.chmod(0o755)
    assert found(settings, "data").mend == f"chmod 700 {settings.data_dir}"

    settings.data_dir.chmod(0o777)

    assert found(settings, "data").ok is False
    assert "everyone may write" in found(settings, "data").says


def test_programs_of_agents_are_looked_up_where_agents_will_find_them(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, f"PATH={tmp_path}/bin:$PATH")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codex").write_text("")
    (tmp_path / "bin" / "codex").chmod(0o755)

    codex = found(settings, "codex", codex="codex")
    claude = found(settings, "claude", claude="claude-not-here")

    assert (codex.ok, codex.says) == (True, f"{tmp_path}/bin/codex")
    assert (claude.ok, claude.says) == (None, "claude-not-here is not in the PATH of your login shell")


@pytest.mark.parametrize("tried", ["0.169", "0.170"])
def test_an_agent_is_asked_for_its_version_and_for_what_it_needs(tmp_path: Path, tried: str) -> None:
    settings = settings_with(tmp_path, f"PATH={tmp_path}:$PATH; export LOGIN=mine")
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\necho codex-cli 0.169.3\n")
    program.chmod(0o755)
    agent = AgentProgram(
        program="codex", tried=tried, needs=lambda environ: [(False, environ["LOGIN"], "codex login")]
    )

    version, login = [check for check in checks(settings, agents={"codex": agent}) if check.name == "codex"]

    assert version.ok is (True if tried == "0.169" else None)
    assert version.says.startswith(f"0.169.3 at {program}")
    assert (login.ok, login.says, login.mend) == (False, "mine", "codex login")


def test_an_agent_that_is_missing_is_no_fault_and_its_installation_is_named(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "PATH=/usr/bin:/bin")
    agent = AgentProgram(program="codex", install="npm install -g @openai/codex", tried="0.1")

    [check] = [check for check in checks(settings, agents={"codex": agent}) if check.name == "codex"]

    assert (check.ok, check.mend) == (None, "npm install -g @openai/codex")


def test_a_machine_on_which_nobody_commits_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    config = {"GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_COUNT": "1"}
    config |= {"GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}
    for name, value in config.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    [unknown] = [check for check in checks(settings) if "who commits" in check.says]
    (settings.home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n")

    assert unknown.mend.startswith("git config --global user.name")
    assert [check for check in checks(settings) if "who commits" in check.says] == []
