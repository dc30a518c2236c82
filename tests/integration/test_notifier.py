"""A person's own program is told who waits: by argv, standard input and environment, never by a shell."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aios_app.stack.notifier import notify

NASTY = "1 waits: #4 shop asks: $(touch evil) `touch evil`; touch evil"


@pytest.fixture
def teller(short_path: Path) -> Path:
    """A program that writes down what it is told."""
    program = short_path / "tell me"
    program.write_text(
        '#!/bin/sh\n{ echo "$#:$1:$AIOS_EVENT:$AIOS_JOBS:$AIOS_DATA_DIR"; cat; } > "$0.said"\n'
    )
    program.chmod(0o755)
    return program


def test_a_command_gets_the_message_and_what_it_is_about(
    teller: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_DATA_DIR", "/secret")

    notify(f"'{teller}' 'a b; c'", NASTY, event="waiting", jobs="4,7")

    assert Path(f"{teller}.said").read_text() == f"1:a b; c:waiting:4,7:\n{NASTY}\n"


def test_the_desktop_is_told_by_words_of_their_own(
    teller: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = short_path / "notify-send"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.said"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{short_path}:/usr/bin:/bin")

    notify("desktop", "<b>$(x)", event="failed", jobs="1")

    said = Path(f"{program}.said").read_text()
    assert said.splitlines() == ["--app-name=AIOS", "--", "AIOS", "&lt;b&gt;$(x)"]


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("/nonexistent/program", "No such file"),
        ("sh -c 'echo no such bell >&2; exit 3'", "sh exited 3: no such bell"),
        ("desktop", "neither notify-send nor osascript is there"),
    ],
)
def test_what_cannot_be_told_is_logged(
    way: str, why: str, short_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if way == "desktop":
        monkeypatch.setenv("PATH", str(short_path))

    with caplog.at_level(logging.WARNING):
        notify(way, "x", event="failed", jobs="1")

    assert "not announced: " in caplog.text
    assert why in caplog.text
