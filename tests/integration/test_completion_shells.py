"""Tab in a real bash, zsh and fish."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aios_app.settings import Settings
from tests.integration.cli_stand_in import StandIn, job, serving
from tests.integration.shells import Shell

#: Ten times Tab is ten programs; a machine with other work takes its time.
pytestmark = pytest.mark.timeout(30)
HOSTILE = "$(touch pwned)"


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, environment: dict[str, str]) -> Shell:
    return Shell(request.param, environment)


@pytest.fixture
def stand_in(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as one:
        one.answers["GET /agents"] = {"v": 1, "agents": [{"key": "c", "name": "codex"}]}
        one.answers["GET /projects"] = {"v": 1, "projects": []}
        one.answers["GET /jobs"] = {"v": 1, "jobs": []}
        yield one


def test_tab_completes_what_is_begun(shell: Shell, stand_in: StandIn) -> None:
    (shell.home / "my code").mkdir()
    wanted = {
        "aios doc\t": ["doctor"],
        "aio doc\t": ["doctor"],
        "aios jobs --foll\t": ["jobs", "--follow"],
        "aios all \t2": ["all", "c:2"],
        "aios all c:4\t": ["all", "c:4"],
        "aios retry 7 --agent=\t": ["retry", "7", "--agent=c"],
        'aios all c:2 "fix it" --seq\t': ["all", "c:2", "fix it", "--seq"],
        "aios add my\t": ["add", "my code/"],
        "aios prompt --file my\t": ["prompt", "--file", "my code/"],
        "aios nonsense d\t": ["nonsense", "d"],
    }

    found, _ = shell.types(*wanted)

    assert [[word.removesuffix("/") for word in words] for words in found] == [
        [word.removesuffix("/") for word in words] for words in wanted.values()
    ]


def test_names_of_others_are_data_and_never_shell(shell: Shell, stand_in: StandIn) -> None:
    # Given a project and jobs whose names and prompts would do harm if a shell read them
    stand_in.answers["GET /projects"] = {
        "v": 1,
        "projects": [{"name": HOSTILE, "number": 5, "path": f"/{HOSTILE}", "tags": ["`touch pwned`"]}],
    }
    title = f"{HOSTILE} `touch pwned`; touch pwned\n\x1b]0;pwned\x07%F{{red}}"
    jobs = [job(41, title=title, run=3), job(42, title=title, run=3)]
    stand_in.answers["GET /jobs"] = {"v": 1, "jobs": jobs}

    # When somebody completes them
    found, shown = shell.types(
        "aios remove \t", "aios all c:1 --only \t", "aios stop 4\t", "aios compare r\t"
    )

    # Then the project is offered by its number, and nothing has run or steered the terminal
    assert found == [["remove", "5"], ["all", "c:1", "--only", "5"], ["stop", "4"], ["compare", "r3"]]
    assert not (shell.home / "pwned").exists()
    assert "\x1b]0;pwned" not in shown


def test_even_a_program_that_says_anything_cannot_make_the_shell_run_it(shell: Shell) -> None:
    shell.program(f"#!/bin/sh\nprintf 'words\\n{HOSTILE}\\t$(touch pwned) `touch pwned`\\n'\n")

    found, _ = shell.types("aios stop \t")

    assert not (shell.home / "pwned").exists()
    assert found == [["stop", HOSTILE]]


@pytest.mark.long
def test_a_program_that_fails_or_is_gone_offers_nothing_and_says_nothing(shell: Shell) -> None:
    shell.program("#!/bin/sh\necho trouble >&2\nexit 1\n")

    found, shown = shell.types("aios stop 4\t")

    assert found == [["stop", "4"]]
    assert "trouble" not in shown
