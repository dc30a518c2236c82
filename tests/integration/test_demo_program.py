"""The stand-in agent as it runs: in a terminal, in a repository, with its signals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEMO_AGENT, Place, module_for
from tests.integration.tmux_box import Box, make_box

QUICK = "demo: seconds 0.04\n"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    with make_box(tmp_path, monkeypatch) as made:
        git(made.worktree, "init", "-q")
        git(
            made.worktree,
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@x",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "0",
        )
        yield made


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=repository, capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()


PLACE = Place(attempt_dir=Path("/x"), worktree=Path("/x"), repository=Path("/x"), attempt="a")


def start(box: Box, prompt: str, *, conversation: str = "") -> None:
    box.launch(
        module_for(DEMO_AGENT).launch(DEMO_AGENT, prompt=prompt, place=PLACE, conversation=conversation).argv
    )


def told(box: Box, kind: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(box.next(kind).payload)
    return told


def test_a_turn_commits_a_greeting_and_the_program_stays_at_its_prompt(box: Box) -> None:
    start(box, f"{QUICK}say 'hello' to $(whoami)\nsecond line")

    assert told(box, "turn") == {"message": "added greeting-7.md: say 'hello' to $(whoami)"}
    assert [seen.kind for seen in box.seen] == ["started", "conversation", "turn"]
    assert git(box.worktree, "show", "HEAD:greeting-7.md") == "Hello! You asked: say 'hello' to $(whoami)"
    assert git(box.worktree, "log", "-1", "--format=%an %s") == "Demo Agent Add greeting-7.md"
    assert git(box.worktree, "status", "--porcelain") == ""
    assert box.server.find("agent")


def test_the_persons_own_identity_is_used_where_there_is_one(box: Box) -> None:
    git(box.worktree, "config", "user.name", "Ann")
    git(box.worktree, "config", "user.email", "ann@example.org")

    start(box, f"{QUICK}hello")
    box.next("turn")

    assert git(box.worktree, "log", "-1", "--format=%an %ae") == "Ann ann@example.org"


def test_what_is_sent_is_a_further_turn_and_exit_ends_it(box: Box) -> None:
    start(box, f"{QUICK}one")
    box.next("turn")

    box.server.paste("agent", f"two\n{QUICK}")
    assert told(box, "prompt") == {"prompt": f"two\n{QUICK.strip()}"}
    assert told(box, "turn") == {"message": "added greeting-7.md: two"}

    box.server.paste("agent", "exit")
    assert box.ending() == {"status": "0", "signal": ""}
    assert git(box.worktree, "rev-list", "--count", "HEAD") == "3"


def test_a_resumed_conversation_sits_at_its_prompt_without_a_turn(box: Box) -> None:
    start(box, "", conversation="c-1")

    assert box.next("conversation").payload == b"c-1"
    box.tmux("send-keys", "-t", "=agent:", "C-d")
    assert box.ending()["status"] == "0"
    assert "turn" not in [seen.kind for seen in box.seen]


def test_it_exits_as_it_is_told_instead_of_ending_its_turn(box: Box) -> None:
    start(box, f"{QUICK}demo: exit 7")

    assert box.ending()["status"] == "7"
    assert "turn" not in [seen.kind for seen in box.seen]


def test_it_asks_and_goes_on_with_the_answer(box: Box) -> None:
    start(box, f"{QUICK}demo: ask Proceed? [y/N]")
    assert told(box, "waiting") == {"question": "Proceed? [y/N]"}

    box.server.paste("agent", "y")

    assert told(box, "prompt") == {"prompt": "y"}
    assert told(box, "turn")["message"].startswith("added")


def test_it_changes_nothing_on_request(box: Box) -> None:
    start(box, f"{QUICK}demo: no change\nlook around")

    assert told(box, "turn") == {"message": "nothing to change"}
    assert git(box.worktree, "rev-list", "--count", "HEAD") == "1"


def test_an_interrupted_turn_is_not_said_to_be_over(box: Box) -> None:
    start(box, f"{QUICK}demo: ask Sure?")
    box.next("waiting")

    box.tmux("send-keys", "-t", "=agent:", "C-c")
    box.server.paste("agent", "exit")

    assert box.ending()["status"] == "0"
    assert [seen.kind for seen in box.seen if seen.attempt][-2:] == ["waiting", "exit"]


def test_files_of_the_project_are_not_imported_by_it(box: Box) -> None:
    (box.worktree / "json.py").write_text("raise SystemExit(99)\n")

    start(box, f"{QUICK}hello")

    assert told(box, "turn")["message"] == "added greeting-7.md: hello"


def test_outside_of_aios_and_of_a_repository_it_works_too(tmp_path: Path) -> None:
    command = module_for(DEMO_AGENT).launch(DEMO_AGENT, prompt=f"{QUICK}hello", place=PLACE).argv
    environment = {"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        input="",
        capture_output=True,
        text=True,
        timeout=5,
        check=True,
    )

    assert "it is not committed" in done.stdout
    assert (tmp_path / "greeting-demo.md").read_text() == "Hello! You asked: hello\n"


def test_its_first_output_needs_no_heavy_import() -> None:
    program = DEMO_AGENT.argv[-1]
    listing = f"import sys; __name__ = 'demo'; exec(open({program!r}).read()); print(*sorted(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-ISc", listing], capture_output=True, text=True, timeout=5, check=True
    )

    assert not {"json", "subprocess", "typing"} & set(done.stdout.split())
