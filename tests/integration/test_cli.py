"""The command line against a stand-in for the service."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.settings import Settings
from aios_app.store.catalog import Catalog
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, Json, StandIn, error, job, serving


@pytest.fixture
def person(environment: dict[str, str], short_path: Path) -> Person:
    return Person(short_path / "home", environment)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def _jobs(*jobs: Json) -> Json:
    return {"v": 1, "now_ms": NOW_MS + 240_000, "jobs": list(jobs)}


def test_jobs_are_shown_in_columns_of_one_line_each(person: Person, service: StandIn) -> None:
    service.answers["GET /jobs?scope=default&most=500"] = _jobs(
        job(7, "review", started_ms=NOW_MS, finished_ms=NOW_MS + 180_000, files=2, added=14, removed=3),
        job(8, "waiting", question="Overwrite\x1b[2J it?"),
    )

    done = person.types("jobs")

    assert done.code == 0
    assert done.out.splitlines() == [
        '#7 review     shop  codex  3m +14 -3 "fix it"',
        '#8 waiting    shop  codex  4m        "fix it"',
        "    asks: Overwrite it?",
    ]
    assert done.err == ""


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["jobs", "-r"], "/jobs?scope=running"),
        (["jobs", "--all"], "/jobs?scope=all"),
        (["r3"], "/jobs?scope=all&run=3"),
        (["jobs", "r3", "--running"], "/jobs?scope=running&run=3"),
    ],
)
def test_each_form_of_jobs_asks_for_its_scope(
    person: Person, service: StandIn, words: list[str], path: str
) -> None:
    service.answers[f"GET {path}"] = _jobs(job(7))

    done = person.types(*words, "--json")

    assert json.loads(done.out) == _jobs(job(7))


def test_of_thousands_of_jobs_the_first_are_shown_and_the_others_counted(
    person: Person, service: StandIn
) -> None:
    left_out = {"review": 1, "queued": 9000}
    service.answers["GET /jobs?scope=default&most=500"] = _jobs(job(7)) | {"left_out": left_out}

    done = person.types("jobs")

    assert len(done.out.splitlines()) == 1
    assert done.err == "and 9001 more: 1 review  9000 queued   next: aios jobs --all   aios jobs --runs\n"


def test_jobs_takes_jobs_as_other_commands_do(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(7), job(9, "landed"))

    done, at_work = person.types("jobs", "7", "nine"), person.types("jobs", "7", "nine", "-r")

    assert service.body_of("POST /jobs/find")["refs"] == ["7", "nine"]
    assert [line.split()[0] for line in done.out.splitlines()] == ["#7", "#9"]
    assert [line.split()[0] for line in at_work.out.splitlines()] == ["#7"]


def test_runs_are_listed_with_their_states(person: Person, service: StandIn) -> None:
    run = {"number": 3, "source": "all", "title": "fix it", "is_sequential": True, "stage": 0, "stages": 2}
    service.answers["GET /runs"] = {"v": 1, "runs": [{**run, "states": {"review": 2, "queued": 1}}]}

    done = person.types("jobs", "--runs")

    assert done.out == 'r3  all  stage 1/2  2 review 1 queued  "fix it"\n'


def test_reading_with_the_stack_down_says_so_and_shows_what_is_on_disk(
    person: Person, settings: Settings, short_path: Path
) -> None:
    record = settings.jobs_dir / "7" / "job.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps(job(7, "review", worktree=str(short_path), is_open=True)))
    (settings.jobs_dir / "8").mkdir()
    (settings.jobs_dir / "8" / "job.json").write_text("{broken")
    (settings.jobs_dir / "5").mkdir()
    (settings.jobs_dir / "5" / "job.json").write_text(json.dumps(job(5, "failed")))
    runs = settings.data_dir / "runs"
    runs.mkdir()
    planned = [job(7, "queued"), job(8, "queued"), job(9, "queued")]
    (runs / "3.json").write_text(json.dumps({"number": 3, "stages": [{"label": "all", "jobs": planned}]}))
    (runs / "4.json").write_text("{broken")

    jobs, worktrees, sessions, status = (person.types(verb) for verb in ("jobs", "w", "ls", "status"))
    single, whole = person.types("jobs", "7"), person.types("jobs", "r1")

    assert [done.code for done in (jobs, worktrees, sessions, status)] == [0] * 4
    assert ("#7 " in single.out, "#8 " in single.out, "#8 " in whole.out) == (True, False, True)
    assert jobs.err == "the stack is down: aios up. On disk:\n"
    assert "#7 review " in jobs.out
    assert "#8 queued " in jobs.out
    assert "#9 queued " in jobs.out
    assert "#5 failed " in jobs.out  # of a run that another machine has planned
    assert worktrees.out.startswith("w7  shop  review  aios/7-fix-it")
    assert f"tmux -S {settings.tmux_socket} attach -t =shop-codex" in sessions.out
    assert "1 review" in status.out


def test_projects_and_settings_are_read_from_the_database_while_the_stack_is_down(
    person: Person, settings: Settings, short_path: Path
) -> None:
    catalog = Catalog(settings.database)
    catalog.add_project(short_path / "shop", name="shop")
    catalog.set("max_agents", "8")
    catalog.close()

    projects, value = person.types("p"), person.types("config", "max_agents")

    assert projects.out.startswith("0  shop")
    assert value.out == "8\n"
    assert (projects.code, value.code) == (0, 0)


def test_reading_makes_no_database(person: Person, settings: Settings) -> None:
    done = person.types("p")

    assert done.code == 0
    assert not settings.database.exists()


@pytest.mark.parametrize("words", [["wait", "7"], ["attach", "7"], ["jobs", "--follow"], ["jobs", "--runs"]])
def test_what_cannot_do_without_the_stack_says_what_to_do(person: Person, words: list[str]) -> None:
    done = person.types_on_a_terminal(*words)

    assert done.code == 4
    assert "the stack is down: aios up" in done.out


def test_an_agent_never_starts_a_stack(person: Person) -> None:
    done = person.types("all", "c:1", "task", AIOS_ATTEMPT="an-attempt")

    assert done.code == 4
    assert "agents never start it" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(("kind", "code"), [("usage", 2), ("conflict", 3), ("external", 4), ("internal", 4)])
def test_an_error_is_one_clean_line_and_an_exit_code(
    person: Person, service: StandIn, kind: str, code: int
) -> None:
    service.answers["GET /projects"] = error(kind, "no\x1b[31m such thing")

    done = person.types("p")

    assert (done.code, done.err, done.out) == (code, "no such thing\n", "")


def test_a_mistake_of_ours_is_one_line_and_its_traceback_is_in_the_log(
    person: Person, service: StandIn, settings: Settings
) -> None:
    service.answers["GET /projects"] = {"v": 1}

    done = person.types("p")

    assert done.code == 4
    assert done.err == f"KeyError: 'projects' (details: {settings.logs_dir}/cli.log)\n"
    assert "Traceback" in (settings.logs_dir / "cli.log").read_text()


def test_adding_says_what_a_person_should_know_and_one_that_fails_keeps_none_back(
    person: Person, service: StandIn
) -> None:
    facts = {"base": "origin/main", "push": "ok", "setup_hint": "npm ci", "url": ""}
    project = {"number": 0, "name": "shop", "path": "/code/shop"}

    def add(body: Json) -> Json:
        if body["path"] == "api":
            return error("usage", "api is not a git repository")
        return {"v": 1, "project": project, "facts": facts}

    service.answers["POST /projects"] = add

    done = person.types("add", "api", "shop")

    hint = "  do fresh worktrees need it? aios config shop.setup 'npm ci'\n"
    assert (done.code, done.out) == (1, f"0 shop  origin/main  push ok\n{hint}")
    assert done.err == "api: api is not a git repository\n"
    assert service.body_of("POST /projects")["cwd"] == str(person.directory)


def test_the_worktrees_say_what_of_them_is_not_landed(person: Person, service: StandIn) -> None:
    clean = {"job": 7, "project": "shop", "branch": "aios/7", "name": "n", "state": "review", "behind": 0}
    other = {"job": 0, "project": "shop", "branch": "", "name": "mine", "is_ours": False, "is_dirty": True}
    open_ = {"job": 8, "ahead": 2, "behind": 1, "work": "not landed", "disk_bytes": 4096}
    worktrees = [clean | {"ahead": 0, "work": "no change"}, clean | open_, other]
    service.answers["GET /worktrees"] = {"v": 1, "worktrees": worktrees, "problems": []}

    lines = person.types("w").out.splitlines()

    assert [" ".join(line.split()) for line in lines] == [
        "w7 shop review no change aios/7",
        "w8 shop review ↑2 ↓1 not landed 4K aios/7",
        "- shop not of AIOS dirty mine",
    ]


def test_a_name_with_any_character_travels_as_one_segment(person: Person, service: StandIn) -> None:
    project = {"number": 0, "name": "a/b c", "path": "/a", "tags": ["web"]}
    service.answers["PUT /projects/a%2Fb%20c/tags"] = {"v": 1, "project": project}

    done = person.types("tag", "a/b c", "web", "--remove", "old")

    assert done.out == "a/b c: web\n"
    assert service.body_of("PUT /projects/a%2Fb%20c/tags") == {"add": ["web"], "remove": ["old"]}


def test_a_setting_is_shown_changed_and_reset(person: Person, service: StandIn) -> None:
    service.answers["GET /config/shop.setup"] = {"v": 1, "key": "shop.setup", "value": "npm ci"}
    service.answers["PUT /config/shop.setup"] = lambda body: {"v": 1, "key": "shop.setup", **body}

    shown = person.types("config", "shop.setup")
    changed = person.types("config", "shop.setup", "make")
    reset = person.types("config", "shop.setup", "--unset", "--json")

    assert (shown.out, changed.out) == ("npm ci\n", "make\n")
    assert json.loads(reset.out)["value"] is None


def test_an_agent_is_added_from_the_words_after_two_dashes(person: Person, service: StandIn) -> None:
    service.answers["GET /agents"] = {"v": 1, "agents": []}
    service.answers["PUT /agents/k"] = lambda body: {"v": 1, "agent": {**body, "key": "k"}}

    done = person.types("agents", "add", "k", "kimi", "--finishes", "silence", "--", "kimi", "--yolo", "a b")

    assert done.out == "k  kimi  silence  kimi --yolo 'a b'\n"
    assert service.body_of("PUT /agents/k")["argv"] == ["kimi", "--yolo", "a b"]


def test_an_agent_is_never_added_over_another(person: Person, service: StandIn) -> None:
    agent = {"key": "k", "name": "kimi", "argv": ["kimi"], "finishes": "exit"}
    service.answers["GET /agents"] = {"v": 1, "agents": [agent]}

    done = person.types("agents", "add", "k", "other", "--", "other")

    assert done.code == 3
    assert "aios agents edit k" in done.err


def test_without_a_terminal_the_worktrees_path_is_printed(
    person: Person, service: StandIn, short_path: Path
) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(7, "review", worktree=str(short_path)))

    done = person.types("w7")

    assert (done.code, done.out) == (0, f"{short_path}\n")
    assert service.body_of("POST /jobs/find")["refs"] == ["7"]


def test_on_a_terminal_the_worktree_is_opened_in_a_shell(
    person: Person, service: StandIn, short_path: Path
) -> None:
    (short_path / "work tree").mkdir()
    service.answers["POST /jobs/find"] = _jobs(job(7, "review", worktree=str(short_path / "work tree")))

    done = person.types_on_a_terminal("w", "7", answer="pwd; exit 5\n")

    assert done.code == 5
    assert "worktree of job 7 (review), branch aios/7-fix-it" in done.out
    assert any(line.endswith(f" {short_path / 'work tree'}") for line in done.out.splitlines())


def test_a_project_number_opens_it(person: Person, service: StandIn, short_path: Path) -> None:
    project = {"number": 3, "name": "shop", "path": str(short_path), "tags": []}
    service.answers["GET /projects"] = {"v": 1, "projects": [project]}

    assert person.types("3").out == f"{short_path}\n"
    assert person.types("4").code == 2


def test_attaching_becomes_the_program_that_the_service_names(person: Person, service: StandIn) -> None:
    argv = ["sh", "-c", 'echo "in the job $0"; exit 6', "of 7"]
    service.answers["POST /jobs/attach"] = {"v": 1, "job": job(7), "argv": argv, "is_resumed": False}

    done = person.types_on_a_terminal("attach", "7", TMUX="/tmp/t,1,0")

    assert (done.code, done.out) == (6, "in the job of 7\n")
    assert service.body_of("POST /jobs/attach")["tmux"] == "/tmp/t,1,0"


def test_attaching_without_a_terminal_says_what_to_type(person: Person, service: StandIn) -> None:
    done = person.types("attach", "7")

    assert done.code == 3
    assert "aios attach 7" in done.err
    assert service.requests == []


def test_logs_are_stripped_of_what_steers_a_terminal(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(7))
    log = {
        "v": 1,
        "job": job(7),
        "source": "last screen",
        "text": "\x1b[1mone\x1b[0m\r\n\x1b]0;t\x07two\n\n\n",
    }
    service.answers["GET /jobs/7/log"] = log

    done = person.types("logs", "7")

    assert done.out == "one\ntwo\n"
    assert done.err == "#7 shop codex: last screen\n"


def test_a_reader_that_leaves_is_no_error(person: Person, service: StandIn) -> None:
    service.answers["GET /jobs?scope=default&most=500"] = _jobs(*(job(number) for number in range(2000)))

    with person.starts("jobs") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")


def test_ctrl_c_ends_without_a_traceback(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(7, "waiting", question="Go on?"))

    with person.starts("wait", "7") as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()

    assert first == b"#7 waits for an answer: Go on?\n"
    assert (process.wait(5), rest) == (130, b"")
