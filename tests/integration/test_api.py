"""The API over a real socket, with a real ledger, catalogue and git; no worker takes the tasks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import InstanceBusy
from aios_app.domain.models import JobState
from aios_app.git.repository import find_repository
from aios_app.git.worktrees import add_worktree, write_metadata
from aios_app.ledger.ledger import Ledger
from aios_app.services.context import Context
from aios_app.stack import processes
from aios_app.stack.locks import open_lock, try_lock
from tests.integration.api_fixtures import Api, serving
from tests.private_redis import RedisServer

MakeProject = Callable[[str], Path]


@pytest.fixture
def api(context: Context) -> Iterator[Api]:
    context.catalog.put_agent(DEMO_AGENT)
    with serving(context) as client:
        yield client


@pytest.fixture
def shop(api: Api, make_project: MakeProject) -> Path:
    """A saved project."""
    root = make_project("shop")
    assert api("POST /projects", {"path": str(root), "cwd": "/"}).status == 200
    return root


def test_status_says_what_this_instance_is_and_what_lives(api: Api, context: Context) -> None:
    answer = api("GET /status")

    assert answer["v"] == 1
    assert answer["data_dir"] == str(context.settings.data_dir)
    assert answer["machine"]["id"] == context.machine
    assert answer["machine"]["max_agents"] >= 2
    assert answer["redis"]["engine"] in {"valkey", "redis"}
    assert answer["redis"]["is_external"] is False
    assert answer["worker"] == {"is_alive": False, "pid": 0}
    assert answer["web"]["pid"] == os.getpid()
    assert answer["web"]["url"].startswith("http://127.0.0.1:")


def test_a_worker_is_alive_as_long_as_its_lock_is_held(api: Api, context: Context) -> None:
    run_dir = context.settings.run_dir
    record = processes.record("worker", os.getpid(), ["worker"])
    assert record is not None
    record.write(run_dir)
    descriptor = open_lock(run_dir / "worker.lock")
    try_lock(descriptor)

    alive = api("GET /status")["worker"]
    os.close(descriptor)

    assert alive == {"is_alive": True, "pid": os.getpid()}
    assert api("GET /status")["worker"] == {"is_alive": False, "pid": 0}


def test_a_project_is_added_from_a_directory_inside_of_it_with_its_facts(
    api: Api, make_project: MakeProject
) -> None:
    root = make_project("shop")
    (root / "src").mkdir()
    (root / "package-lock.json").write_text("{}")

    answer = api("POST /projects", {"path": "src", "cwd": str(root)})

    assert answer["project"]["path"] == str(root)
    assert answer["project"]["name"] == "shop"
    assert answer["facts"]["base"] == "origin/main"
    assert answer["facts"]["push"] == "ok"
    assert answer["facts"]["setup_hint"] == "npm ci"
    again = api("POST /projects", {"path": ".", "cwd": str(root)})
    assert (again.status, again["error"]["type"]) == (409, "ProjectExists")


def test_projects_are_listed_with_their_branch_or_their_problem(
    api: Api, shop: Path, make_project: MakeProject
) -> None:
    gone = make_project("gone")
    api("POST /projects", {"path": str(gone), "cwd": "/"})
    gone.rename(gone.with_name("elsewhere"))

    first, second = api("GET /projects")["projects"]

    assert (first["name"], first["branch"], first["problem"]) == ("shop", "main", "")
    assert second["branch"] == ""
    assert "does not exist" in second["problem"]


def test_a_project_is_tagged_and_removed_by_name_or_number(api: Api, shop: Path) -> None:
    tagged = api("PUT /projects/shop/tags", {"add": ["web", "old"]})
    fewer = api("PUT /projects/shop/tags", {"remove": ["old"]})
    number = fewer["project"]["number"]

    assert tagged["project"]["tags"] == ["old", "web"]
    assert fewer["project"]["tags"] == ["web"]
    assert api(f"DELETE /projects/{number}")["project"]["name"] == "shop"
    assert api("GET /projects")["projects"] == []
    assert api("DELETE /projects/shop")["error"]["type"] == "UnknownProject"


def test_renumbering_closes_the_gaps(api: Api, shop: Path, make_project: MakeProject) -> None:
    api("POST /projects", {"path": str(make_project("blog")), "cwd": "/"})
    api("DELETE /projects/shop")

    assert [p["number"] for p in api("POST /projects/renumber")["projects"]] == [0]


def test_a_scan_finds_repositories_and_tells_the_saved_ones(
    api: Api, shop: Path, make_project: MakeProject
) -> None:
    make_project("blog")

    answer = api("POST /scan", {"path": "code", "cwd": str(shop.parent.parent)})

    assert answer["directory"] == str(shop.parent)
    found = {item["name"]: item["is_saved"] for item in answer["repositories"]}
    assert found == {"blog": False, "shop": True}
    assert api("POST /scan", {"path": "nowhere", "cwd": "/"}).status == 400


def test_an_agent_is_added_changed_and_removed(api: Api) -> None:
    added = api("PUT /agents/z", {"name": "zed", "argv": ["no-such-program", "a b"], "idle_after_s": 5})
    changed = api("PUT /agents/z", {"name": "zed", "argv": ["no-such-program"], "finishes": "exit"})

    assert added["agent"]["finishes"] == "silence"
    assert added["agent"]["argv"] == ["no-such-program", "a b"]
    assert (changed["agent"]["finishes"], changed["agent"]["idle_after_s"]) == ("exit", 5)
    assert changed["agent"]["uuid"] == added["agent"]["uuid"]
    problems = {agent["key"]: agent["problem"] for agent in api("GET /agents")["agents"]}
    assert "not installed" in problems["z"]
    assert problems["d"] == ""
    assert api("DELETE /agents/z")["agent"]["name"] == "zed"
    assert "z" not in {agent["key"] for agent in api("GET /agents")["agents"]}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("PUT /agents/w", {"name": "zed", "argv": ["zed"]}),
        ("PUT /agents/abc", {"name": "zed", "argv": ["zed"]}),
        ("PUT /agents/zp", {"name": "zed", "argv": ["zed"]}),
        ("PUT /agents/z", {"name": "zed", "argv": ["zed"], "finishes": "maybe"}),
        ("PUT /agents/z", {"name": "zed", "argv": ["zed"], "weight": 2}),
        ("PUT /agents/z", {"name": "zed", "argv": ["zed"], "kind": ""}),
        ("PUT /agents/z", {"name": "zed", "argv": ["zed", "\udcff"]}),
        ("PUT /agents/z", {"name": "zed", "argv": []}),
    ],
)
def test_an_agent_that_could_not_be_used_is_refused(api: Api, line: str, fields: dict[str, Any]) -> None:
    assert api(line, fields).status == 400


def test_settings_are_listed_set_and_brought_back_to_their_default(api: Api, context: Context) -> None:
    default = api("GET /config/max_agents")["value"]

    assert api("PUT /config/max_agents", {"value": "3"})["value"] == "3"
    assert context.ledger.machine(context.machine)["max_agents"] == "3"
    listed = {item["key"]: item for item in api("GET /config")["values"]}
    assert listed["max_agents"]["value"] == "3"
    assert listed["max_agents"]["help"]
    assert api("PUT /config/max_agents", {"value": None})["value"] == default
    assert api("PUT /config/max_agents", {"value": "many"})["error"]["type"] == "BadValue"
    assert api("GET /config/max_agent").status == 400


def test_a_setting_of_a_project_is_named_with_the_project(api: Api, shop: Path) -> None:
    api("PUT /config/shop.setup", {"value": "npm ci"})

    assert api("GET /config/shop.setup")["value"] == "npm ci"
    assert api("GET /config/nowhere.setup")["error"]["type"] == "UnknownProject"


def test_a_run_is_started_and_its_jobs_are_found_in_every_way(api: Api, shop: Path) -> None:
    answer = api("POST /runs", _run(["d:2", "fix the login"], shop))

    assert answer.status == 201
    jobs = [job for stage in answer["run"]["stages"] for job in stage["jobs"]]
    assert [job["number"] for job in jobs] == [1, 2]
    listed = api("GET /jobs")
    assert [job["number"] for job in listed["jobs"]] == [1, 2]
    assert abs(listed["now_ms"] / 1000 - time.time()) < 60
    assert len(api("GET /jobs", scope="all", run="1")["jobs"]) == 2
    assert len(api("GET /jobs", scope="running")["jobs"]) == 2
    found = api("POST /jobs/find", {"refs": ["2", jobs[0]["name"]], "cwd": "/"})
    assert [job["number"] for job in found["jobs"]] == [2, 1]
    [run] = api("GET /runs")["runs"]
    assert (run["number"], run["title"], sum(run["states"].values())) == (1, "fix the login", 2)


def test_what_may_begin_is_sent_once_the_client_has_its_answer(
    api: Api, context: Context, shop: Path
) -> None:
    with api.events() as events:
        api("POST /runs", _run(["d:1", "x"], shop))
        states = (event["job"]["state"] for event in events if event["type"] == "job")

        assert next(state for state in states if state == "preparing")
    assert context.ledger.slots_used(context.machine) == 1


def test_a_dry_run_writes_nothing(api: Api, shop: Path) -> None:
    answer = api("POST /runs", _run(["d:2", "x"], shop) | {"is_dry_run": True})

    assert (answer.status, answer["run"]["number"]) == (200, 0)
    assert api("GET /jobs", scope="all")["jobs"] == []


def test_a_large_run_is_asked_about_first(api: Api, shop: Path) -> None:
    answer = api("POST /runs", _run(["d:11", "x"], shop) | {"is_confirmed": False})

    assert answer.status == 200
    assert answer["question"].endswith("Start?")
    assert api("GET /runs")["runs"] == []


def test_bytes_that_are_no_text_come_back_as_they_went(api: Api, context: Context, shop: Path) -> None:
    prompt = "caf\udce9 $(touch x) \U0001f600"

    answer = api("POST /runs", _run(["d:1"], shop) | {"prompt": prompt})

    assert answer["run"]["title"].startswith("caf")
    assert prompt in context.ledger.prompts(1).values()


def test_a_job_that_has_not_begun_is_stopped_and_tried_again(api: Api, shop: Path) -> None:
    api("PUT /config/max_agents", {"value": "1"})
    api("POST /runs", _run(["d:2", "x"], shop))

    [stopped] = api("POST /jobs/stop", {"refs": ["2"], "cwd": "/"})["results"]
    assert (stopped["outcome"], stopped["job"]["state"]) == ("stopped", "stopped")
    [again] = api("POST /jobs/retry", {"refs": ["2"], "cwd": "/"})["jobs"]

    assert (again["state"], again["attempt_no"]) == ("queued", 2)
    assert again["attempt"] != stopped["job"]["attempt"]


def test_attaching_takes_one_job_that_can_be_shown(api: Api, shop: Path) -> None:
    api("PUT /config/max_agents", {"value": "1"})
    api("POST /runs", _run(["d:2", "x"], shop))

    several = api("POST /jobs/attach", {"ref": "r1", "cwd": "/"})
    queued = api("POST /jobs/attach", {"ref": "2", "cwd": "/"})

    assert (several.status, "2 jobs" in several["error"]["message"]) == (400, True)
    assert (queued.status, queued["error"]["type"]) == (409, "NotNow")


def test_a_log_is_the_screen_while_the_session_lives_and_the_saved_one_afterwards(
    api: Api, context: Context, shop: Path
) -> None:
    [job] = api("POST /runs", _run(["d:1", "x"], shop))["run"]["stages"][0]["jobs"]
    early = api("GET /jobs/1/log")
    shown = context.settings.spool_dir / "shown"
    os.mkfifo(shown)
    context.tmux.new_session(
        job["name"],
        cwd=shop,
        argv=["sh", "-c", f"echo hello from the agent; echo > {shown}; exec cat"],
        environment={},
        marks={"job": "1", "attempt": job["attempt"]},
    )
    try:
        shown.read_text()
        live = api("GET /jobs/1/log")
        [session] = api("GET /sessions")["sessions"]
    finally:
        context.tmux.kill_session(job["name"])
        context.tmux.stop_if_empty()
    folder = context.settings.jobs_dir / "1" / job["attempt"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "setup.log").write_text("npm failed")
    setup = api("GET /jobs/1/log")
    (folder / "screen.txt").write_bytes(b"goodbye \xff")
    last = api("GET /jobs/1/log")
    begun = {JobState.QUEUED, JobState.PREPARING}
    context.ledger.move(job["attempt"], begun, JobState.FAILED, ends=True, cause="setup exited 1")
    failed = api("GET /jobs/1/log")

    assert (early.status, early["error"]["type"]) == (409, "NotNow")
    assert live["source"] == "live screen"
    assert "hello from the agent" in live["text"]
    assert (session["job"], session["name"], session["attached"]) == (1, job["name"], 0)
    assert f"-t ={job['name']}" in session["attach"].replace("'", "")
    assert (setup["source"], setup["text"]) == ("setup", "npm failed")
    assert (last["source"], last["text"]) == ("last screen", "goodbye \udcff")
    assert (failed["source"], failed["text"]) == ("setup", "npm failed")
    assert api("GET /jobs/99/log")["error"]["type"] == "UnknownJob"


def test_worktrees_are_listed_ours_with_their_job_and_others_as_such(
    api: Api, context: Context, shop: Path, make_project: MakeProject
) -> None:
    api("POST /runs", _run(["d:1", "x"], shop))
    directory = context.settings.worktrees_dir
    ours = _worktree(shop, directory / "ours", "aios/1-x")
    write_metadata(ours, {"job": 1})
    context.ledger.note(1, worktree=str(ours))
    (ours / "new.txt").write_text("x")
    _worktree(shop, directory / "theirs", "theirs")
    _worktree(make_project("unsaved"), directory / "stranger", "strange")
    (directory / "junk").mkdir()

    answer = api("GET /worktrees")

    by_name = {item["name"]: item for item in answer["worktrees"]}
    assert by_name.keys() == {"ours", "theirs", "stranger"}
    assert (by_name["ours"]["job"], by_name["ours"]["is_ours"], by_name["ours"]["is_dirty"]) == (
        1,
        True,
        True,
    )
    assert by_name["ours"]["state"] in set(JobState)
    assert (by_name["theirs"]["is_ours"], by_name["theirs"]["project"]) == (False, "shop")
    assert by_name["stranger"]["project"] == "unsaved"
    assert ["junk" in problem for problem in answer["problems"]] == [True]


def test_what_an_ancestor_had_saved_is_imported_and_reported_line_by_line(
    api: Api, shop: Path, short_path: Path, make_project: MakeProject
) -> None:
    old = short_path / "old"
    (old / "data").mkdir(parents=True)
    with closing(sqlite3.connect(old / "data" / "aio.db")) as database:
        database.executescript(
            "CREATE TABLE config (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
            "CREATE TABLE projects (id INTEGER PRIMARY KEY, path TEXT, display_order INTEGER UNIQUE);"
            "CREATE TABLE sessions (key TEXT PRIMARY KEY, name TEXT, command_template TEXT);"
        )
        rows = [(str(shop), 0), (str(make_project("blog")), 1)]
        database.executemany("INSERT INTO projects (path, display_order) VALUES (?, ?)", rows)
        database.commit()

    report = api("POST /import", {"path": "old", "cwd": str(short_path)})["report"]

    assert ["blog" in line for line in report["taken"]] == [True]
    assert ["shop" in line for line in report["kept"]] == [True]
    assert [project["name"] for project in api("GET /projects")["projects"]] == ["shop", "blog"]
    assert api("POST /import", {"path": "nothing", "cwd": str(short_path)}).status == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"[1]", "object"),
        (b"[" * 100_000, "JSON"),
        (b"\xff\xfe", "JSON"),
        (b'{"words": ["d:1"], "cwd": "/"}', "source"),
        (b'{"source": "one", "words": [], "cwd": "/"}', "source"),
        (b'{"source": "all", "words": "d:1", "cwd": "/"}', "words"),
        (b'{"source": "all", "words": [1], "cwd": "/"}', "words"),
        (b'{"source": "all", "words": ["d:1\\u0000"], "cwd": "/"}', "words"),
        (b'{"source": "all", "words": ["\\ud800"], "cwd": "/"}', "words"),
        (b'{"source": "all", "words": ["d:1"], "cwd": "here"}', "cwd"),
        (b'{"source": "all", "words": ["d:1"], "cwd": "/", "is_dry_run": 1}', "is_dry_run"),
        (b'{"source": "all", "words": ["d:1"], "cwd": "/", "is_dryrun": true}', "is_dryrun"),
    ],
)
def test_a_wrong_body_is_refused_by_the_name_of_its_field(api: Api, body: bytes, named: str) -> None:
    answer = api.send("POST", "/api/v1/runs", body)

    assert (answer.status, answer["error"]["kind"]) == (400, "usage")
    assert named in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]


def test_a_body_over_the_limit_is_refused_in_words(api: Api) -> None:
    answer = api("POST /runs", {"prompt": "x" * (2 * 1024 * 1024)})

    assert answer.status == 400
    assert "2 MB" in answer["error"]["message"]


def test_what_the_api_does_not_have_is_an_answer_too(api: Api) -> None:
    for line in ("GET /nothing", "PUT /status", "GET /jobs/x/log"):
        answer = api(line, {} if line.startswith("PUT") else None)

        assert answer.status in {400, 404}
        assert answer["error"]["kind"] == "usage"
    assert api("GET /jobs", scope="some").status == 400
    assert api("GET /jobs", run="-1").status == 400
    assert api("GET /jobs", color="red").status == 400


def test_events_tell_of_a_run_and_of_each_job(api: Api, shop: Path) -> None:
    with api.events() as events:
        hello = next(events)
        api("POST /runs", _run(["d:1", "x"], shop))
        run, job = next(events), next(events)

    assert hello["type"] == "hello"
    assert (run["type"], run["run"]) == ("run", 1)
    assert (job["type"], job["job"]["number"]) == ("job", 1)
    with api.events(after=run["id"]) as events:
        assert [next(events)["type"], next(events)["id"]] == ["hello", job["id"]]


def test_the_service_finds_the_ledger_again_when_redis_comes_back_empty(
    api: Api, context: Context, shop: Path, redis_server: RedisServer
) -> None:
    api("POST /runs", _run(["d:1", "before"], shop))
    redis_server.kill()
    down = api("GET /jobs")
    for path in redis_server.directory.glob("appendonlydir/*"):
        path.unlink()
    redis_server.start()

    answer = api("POST /runs", _run(["d:1", "after"], shop))

    assert (down.status, down["error"]["kind"]) == (502, "external")
    assert answer["run"]["number"] == 2
    assert [job["number"] for job in api("GET /jobs", scope="all")["jobs"]] == [1, 2]
    with closing(Ledger(context.ledger.url)) as other, pytest.raises(InstanceBusy):
        other.open(instance="another AIOS")


def test_a_run_of_100_jobs_and_their_list_are_answered_at_once(api: Api, shop: Path) -> None:
    api("GET /jobs")
    started = [_timed(lambda: api("POST /runs", _run(["d:99", "x"], shop))) for _ in range(3)]
    listed = [_timed(lambda: api("GET /jobs", run="1")) for _ in range(5)]

    # Far from the usual 10 ms, for machines that do other things at the same time.
    assert min(started) < 0.25
    assert min(listed) < 0.25


def _run(words: list[str], cwd: Path) -> dict[str, Any]:
    return {"source": "multi", "words": words, "cwd": str(cwd)}


def _worktree(root: Path, path: Path, branch: str) -> Path:
    repository = find_repository(root)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    add_worktree(repository, path=path, branch=branch, sha=done.stdout.strip())
    return path


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
