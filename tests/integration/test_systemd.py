"""The unit for systemd, as systemd itself reads it, and a tmux server that is none of its service's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError
from aios_app.settings import Settings, load
from aios_app.stack.install import install
from aios_app.stack.systemd import remove_unit, unit_path, write_unit
from tests.integration.tmux_box import make_box


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a person whose directories have names that mean something to systemd."""
    home = tmp_path / "a home %h $HOME"
    checkout = tmp_path / "check out"
    checkout.mkdir()
    (checkout / "aios").write_text("#!/bin/sh\n")
    (checkout / "aios").chmod(0o755)
    loaded = load({"HOME": str(home), "AIOS_REDIS_URL": 'redis://:a"b%n\\c@10.0.0.5'})
    install(loaded, checkout)
    return loaded


def test_systemd_takes_the_unit_without_a_word(settings: Settings, tmp_path: Path) -> None:
    assert shutil.which("systemd-analyze"), "systemd-analyze is missing: script/setup dev installs it"
    unit = write_unit(settings, "/usr/bin:/a path/bin:/50%")

    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert unit.stat().st_mode & 0o777 == 0o600
    lines = unit.read_text().splitlines()
    assert "KillMode=process" in lines
    assert f"PIDFile={settings.run_dir}/supervisord.pid".replace("%", "%%") in lines
    assert 'Environment="PATH=/usr/bin:/a path/bin:/50%%"' in lines
    assert 'Environment="AIOS_REDIS_URL=redis://:a\\"b%%n\\\\c@10.0.0.5"' in lines


def test_uninstall_removes_the_unit_and_what_enables_it_but_nobody_elses(settings: Settings) -> None:
    unit = write_unit(settings, "/usr/bin")
    wanted = unit.parent / "default.target.wants" / unit.name
    wanted.parent.mkdir()
    wanted.symlink_to(unit)

    assert remove_unit(settings) == [wanted, unit]
    assert remove_unit(settings) == []
    assert not wanted.is_symlink()

    unit_path(settings).write_text("[Service]\nExecStart=/bin/true\n")
    assert remove_unit(settings) == []
    with pytest.raises(ConflictError, match="not ours"):
        write_unit(settings, "/usr/bin")


@pytest.mark.parametrize("bus", ["works", "is not there"])
def test_a_tmux_server_begins_outside_of_the_service_or_all_the_same_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bus: str
) -> None:
    folder, said = tmp_path / "bin", tmp_path / "said"
    folder.mkdir()
    ending = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"' if bus == "works" else "exit 1"
    (folder / "systemd-run").write_text(f'#!/bin/sh\necho "$@" >>{said}\n{ending}\n')
    (folder / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("INVOCATION_ID", "0123")
    with make_box(tmp_path, monkeypatch) as box:
        for name in ("first", "second"):
            assert box.server.new_session(
                name, cwd=tmp_path, argv=["tail", "-f", "/dev/null"], environment={}, marks={}
            )

        assert len(box.server.sessions()) == 2
    [line] = said.read_text().splitlines()
    assert line.startswith("--user --scope --quiet --collect -- ")


def test_outside_of_a_service_nobody_asks_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemd-run").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 1\n")
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    with make_box(tmp_path, monkeypatch) as box:
        assert box.server.new_session(
            "first", cwd=tmp_path, argv=["tail", "-f", "/dev/null"], environment={}, marks={}
        )

    assert not (tmp_path / "asked").exists()
