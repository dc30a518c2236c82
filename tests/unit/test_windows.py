from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aios_app.cli import windows

COMMAND = ["env", "A=1", "aios", "attach", "7"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH, of a desktop; put programs in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("TERMINAL", "WAYLAND_DISPLAY", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def _install(programs: Path, *names: str) -> None:
    for name in names:
        (programs / name).touch(mode=0o755)


@pytest.mark.parametrize(("name", "words"), windows.TERMINALS.items())
def test_each_known_terminal_gets_the_command_as_words(
    programs: Path, name: str, words: tuple[str, ...]
) -> None:
    _install(programs, name)

    assert windows.window_argv(COMMAND) == [name, *words, *COMMAND]


def test_the_first_of_those_installed_is_taken_unless_the_person_names_one(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(programs, "xterm", "kitty", "mine")

    assert (windows.window_argv(COMMAND) or [])[0] == "kitty"
    monkeypatch.setenv("TERMINAL", "mine --big")
    assert windows.window_argv(COMMAND) == ["mine", "--big", "-e", *COMMAND]
    monkeypatch.setenv("TERMINAL", "not-installed")
    assert (windows.window_argv(COMMAND) or [])[0] == "kitty"


def test_there_is_no_window_without_a_display_or_a_program(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert windows.window_argv(COMMAND) is None
    _install(programs, "foot")
    monkeypatch.delenv("DISPLAY")
    assert windows.window_argv(COMMAND) is None
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert windows.window_argv(COMMAND) == ["foot", *COMMAND]


@pytest.mark.parametrize(("terminal", "program"), [("Apple_Terminal", "Terminal"), ("iTerm.app", "iTerm")])
def test_a_mac_gets_the_command_as_an_argument_of_its_script(
    programs: Path, monkeypatch: pytest.MonkeyPatch, terminal: str, program: str
) -> None:
    _install(programs, "osascript")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("TERM_PROGRAM", terminal)

    argv = windows.window_argv([*COMMAND, 'it\'s "x"'])

    assert argv is not None
    assert f'tell application "{program}"' in argv[4]
    assert argv[-1] == "env A=1 aios attach 7 'it'\"'\"'s \"x\"'"
