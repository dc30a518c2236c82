"""What Tab offers, asked of a stand-in for the service or read from disk; and where the shells find it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.cli import session
from aios_app.cli.completion import offers
from aios_app.services.context import open_catalog
from aios_app.settings import Settings, load
from aios_app.stack.completion import install_completion, uninstall_completion
from tests.integration.cli_stand_in import StandIn, job, serving


@pytest.fixture(autouse=True)
def instance(
    settings: Settings, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The command line's modules in this process belong to the test's own instance."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session.settings.cache_clear()
    yield
    session.settings.cache_clear()


@pytest.fixture
def stand_in(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as one:
        jobs = [job(7, run=3, title="fix\tthe\x1b[31m login"), job(12, "review", run=3), job(70, run=4)]
        one.answers["GET /jobs"] = {"v": 1, "jobs": jobs}
        one.answers["GET /agents"] = {"v": 1, "agents": [{"key": "c", "name": "codex"}]}
        one.answers["GET /projects"] = {
            "v": 1,
            "projects": [
                {"name": "shop", "number": 0, "path": "/code/shop", "tags": ["web"]},
                {"name": "my $(odd) one", "number": 1, "path": "/code/odd", "tags": ["a b"]},
            ],
        }
        values = [{"key": "max_agents", "help": "at once"}, {"key": "shop.setup", "help": ""}]
        one.answers["GET /config"] = {"v": 1, "values": values}
        one.answers["GET /machines"] = {"v": 1, "machines": [{"name": "attic", "state": "alive"}]}
        yield one


def _words(*typed: str) -> list[str]:
    found = offers(typed)
    return [found] if isinstance(found, str) else [word for word, _ in found]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("doc", ["doctor"]),
        ("c", ["compare", "cleanup", "config", "c", "c++"]),
        ("0", ["0"]),
        ("r", ["run", "resume", "retry", "revert", "review", "remove", "r4", "r3"]),
        ("--v", ["--version"]),
        ("stop 7", ["7", "70"]),
        ("stop 7 1", ["12"]),
        ("diff r", ["r4", "r3"]),
        ("jobs --fo", ["--follow"]),
        ("jobs --follow 1", ["12"]),
        ("all ", ["c:"]),
        ("all c:", ["c:1", "c:2", "c:3", "c:4"]),
        ("all c:2 --only ", ["shop", "1", "web"]),
        ("all --only shop --on", ["--only"]),
        ("all c:2 -- --m", []),
        ("multi s", ["shop"]),
        ("c++ s", ["shop"]),
        ("retry 7 --agent ", ["c"]),
        ("retry 7 --agent=", ["--agent=c"]),
        ("retry 7 --nonsense=", []),
        ("stats --by p", ["project"]),
        ("remove ", ["shop", "1"]),
        ("config m", ["max_agents"]),
        ("config sh", ["shop."]),
        ("config shop.se", ["shop.setup"]),
        ("config max_agents ", []),
        ("help st", ["start", "steer", "stack", "status", "stop", "stats"]),
        ("add ", ["directories"]),
        ("prompt --file ", ["files"]),
        ("trash r", ["restore", "r4", "r3"]),
        ("machines drain a", ["attic"]),
        ("all c:1 --machine a", ["attic"]),
        ("run ", ["files"]),
        ("agents c", ["copy"]),
        ("agents remove ", ["c"]),
        ("send 7 ", ["7", "12", "70", "r4", "r3"]),
        ('"fix', []),
    ],
)
def test_each_word_is_completed_by_what_may_stand_there(
    stand_in: StandIn, typed: str, offered: list[str]
) -> None:
    found = _words(*typed.split(" "))

    assert [word for word in offered if word not in found] == []
    assert set(found) - set(offered) == set() or typed in ("c", "r", "help st")


def test_a_job_may_be_completed_by_its_name(stand_in: StandIn) -> None:
    name = job(7)["name"]

    assert name in _words("attach", name[:4])


def test_run_is_completed_by_lists_and_task_files_and_else_by_paths(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [{"description": "Start", "command": "true"}]
    stand_in.answers["GET /steps"] = {
        "v": 1,
        "lists": [{"name": name, "directory": "/code", "steps": steps} for name in ("demo", "a $(b)")],
    }
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "deploy.json").write_text("{}")
    monkeypatch.chdir(tmp_path)

    assert _words("run", "") == ["demo", "deploy"]
    assert _words("run", "./ta") == ["files"]


def test_a_meaning_is_one_line_that_steers_no_terminal(
    stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    from aios_app.cli.__main__ import main

    code = main(["--complete", "stop", "7"])

    first, *lines = capsys.readouterr().out.splitlines()
    assert (code, first) == (0, "words")
    assert [line.split("\t")[0] for line in lines] == ["7", "70"]
    assert lines[0].endswith("fix the login")


def test_while_the_stack_is_down_the_disk_is_read_and_nothing_is_started(settings: Settings) -> None:
    open_catalog(settings).close()
    for number in (3, 11):
        folder = settings.jobs_dir / str(number)
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(job(number, run=2)))
    (settings.jobs_dir / "12").mkdir()
    before = sorted(path.name for path in settings.data_dir.iterdir() if not path.name.startswith("aios.db"))

    found = _words("stop", "")

    assert found == ["11", "3", "r2"]
    assert "c:" in _words("all", "")
    assert "max_agents" in _words("config", "max_a")
    assert _words("machines", "drain", "a") == []
    assert before == sorted(
        path.name for path in settings.data_dir.iterdir() if not path.name.startswith("aios.db")
    )


def test_where_there_is_no_instance_none_is_made(
    environment: dict[str, str], short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOS_DATA_DIR", str(short_path / "none"))

    assert "c:" in _words("all", "")
    assert _words("stop", "") == []
    assert not (short_path / "none").exists()


def test_a_service_that_does_not_answer_is_not_waited_for(stand_in: StandIn) -> None:
    from threading import Event

    gone = Event()
    stand_in.answers["GET /jobs"] = lambda _: {"v": 1, "jobs": []} if gone.wait(5) else {}

    assert _words("stop", "") == []
    gone.set()


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return load({"HOME": str(tmp_path / "it's"), "SHELL": "/usr/bin/zsh"})


def test_each_shell_finds_its_file_and_uninstall_takes_them_away(home: Settings) -> None:
    report = install_completion(home)

    files = [str(path.relative_to(home.home)) for path in home.home.rglob("*") if path.is_file()]
    assert install_completion(home) == report
    assert report.shells == ("bash", "zsh", "fish")
    assert sorted(files) == [
        ".config/fish/completions/aio.fish",
        ".config/fish/completions/aios.fish",
        ".local/share/bash-completion/completions/aio",
        ".local/share/bash-completion/completions/aios",
        ".local/share/zsh/site-functions/_aios",
    ]
    assert "fpath=(" in report.advice
    assert len(uninstall_completion(home)) == 5
    assert uninstall_completion(home) == []


def test_a_persons_own_place_for_data_and_configuration_is_kept_to(tmp_path: Path) -> None:
    elsewhere = {"XDG_DATA_HOME": str(tmp_path / "d"), "XDG_CONFIG_HOME": str(tmp_path / "c")}

    install_completion(load({"HOME": str(tmp_path / "home")} | elsewhere))

    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*aios*")}
    assert files == {
        "d/bash-completion/completions/aios",
        "d/zsh/site-functions/_aios",
        "c/fish/completions/aios.fish",
    }


def test_a_file_of_the_persons_own_is_left(home: Settings) -> None:
    own = home.home / ".config/fish/completions/aios.fish"
    own.parent.mkdir(parents=True)
    own.write_text("complete -c aios -a mine\n")

    report = install_completion(home)

    assert report.kept == (own,)
    assert own not in uninstall_completion(home)
    assert own.read_text() == "complete -c aios -a mine\n"
