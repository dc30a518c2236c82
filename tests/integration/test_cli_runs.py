"""Starting, following and ending runs from the command line, against a stand-in for the service."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, Json, StandIn, job, run_answer, serving


@pytest.fixture
def person(environment: dict[str, str], short_path: Path) -> Person:
    return Person(short_path / "home", environment)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def _jobs(*jobs: Json) -> Json:
    return {"v": 1, "now_ms": NOW_MS, "jobs": list(jobs)}


def test_all_says_what_was_started_and_what_to_type_next(person: Person, service: StandIn) -> None:
    service.answers["POST /runs"] = run_answer(
        job(1, "queued"), job(2, "queued", project_id="p2", project="api")
    )

    done = person.types(
        "all",
        "c:1",
        "--only",
        "web",
        "--except",
        "old",
        "--base",
        "v1",
        "--machine",
        "pi",
        "fix it",
        "--",
        "-m",
        "o5",
    )

    assert done.code == 0
    assert done.out.splitlines() == [
        "r1: 2 jobs in 2 projects",
        '#1 queued     shop  codex     "fix it"',
        '#2 queued     api   codex     "fix it"',
        "next: aios jobs r1   aios wait r1",
    ]
    body = service.body_of("POST /runs")
    assert body == {
        "source": "all",
        "words": ["c:1", "fix it"],
        "cwd": str(person.directory),
        "prompt": None,
        "only": ["web"],
        "exclude": ["old"],
        "is_sequential": False,
        "fail_fast": False,
        "skip_waiting": "",
        "limit": "",
        "base": "v1",
        "name": "",
        "extra_args": ["-m", "o5"],
        "machine": "pi",
        "is_dry_run": False,
        "is_confirmed": True,
    }


def test_a_skipped_project_is_named_and_costs_the_exit_code(person: Person, service: StandIn) -> None:
    problem = {"project": "api", "message": "it has no commit"}
    service.answers["POST /runs"] = run_answer(job(1, "queued"), problems=(problem,))

    done = person.types("all", "c:1", "fix it")

    assert (done.code, done.err) == (1, "skipped api: it has no commit\n")


def test_a_long_list_of_jobs_is_left_to_jobs(person: Person, service: StandIn) -> None:
    service.answers["POST /runs"] = run_answer(*(job(number, "queued") for number in range(21)))

    done = person.types("multi", "c:21", "fix it")

    assert done.out.splitlines() == ["r1: 21 jobs in 1 project", "next: aios jobs r1   aios wait r1"]


def test_a_dry_run_shows_stages_and_names(person: Person, service: StandIn) -> None:
    answer = run_answer(job(1, "queued"))
    answer["run"]["number"] = 0
    answer["run"]["stages"].append({"index": 1, "label": "api", "jobs": [job(2, "queued")]})
    service.answers["POST /runs"] = answer

    done = person.types("all", "c:1", "--seq", "--dry-run", "fix it")

    assert done.out.splitlines()[:2] == ["dry run: 2 jobs in 1 project", "stage 1: all"]
    assert f"  {job(2)['name']}  aios/2-fix-it" in done.out.splitlines()
    assert "next:" not in done.out


@pytest.mark.parametrize(
    "prompt",
    [
        b"quotes ' \" and $(touch x) `y`\n\n",
        b"-leading dash \xf0\x9f\x9a\x80",
        b"no utf-8: \xff\xfe",
        b"x" * 100_000,
    ],
)
def test_a_prompt_arrives_byte_for_byte(
    person: Person, service: StandIn, short_path: Path, prompt: bytes
) -> None:
    service.answers["POST /runs"] = run_answer(job(1, "queued"))
    (short_path / "task").write_bytes(prompt)

    person.types("all", "c:1", prompt.decode("utf-8", "surrogateescape"))
    as_word = service.body_of("POST /runs")["words"][1]
    person.types("all", "c:1", "--prompt-file", str(short_path / "task"))
    from_file = service.body_of("POST /runs")["prompt"]
    person.types("all", "c:1", "--prompt-file", "-", given=prompt)
    from_input = service.body_of("POST /runs")["prompt"]

    for received in (as_word, from_file, from_input):
        assert received.encode("utf-8", "surrogateescape") == prompt


def test_a_prompt_file_that_is_not_there_is_wrong_usage(person: Person, service: StandIn) -> None:
    done = person.types("all", "c:1", "--prompt-file", "nowhere")

    assert (done.code, done.err) == (2, "nowhere: No such file or directory\n")
    assert service.requests == []


def test_a_prompt_is_written_in_the_editor(person: Person, service: StandIn, short_path: Path) -> None:
    editor = short_path / "my editor"
    editor.write_text('#!/bin/sh\nprintf "from the editor\\n" > "$1"\n')
    editor.chmod(0o755)
    service.answers["POST /runs"] = run_answer(job(1, "queued"))

    done = person.types_on_a_terminal("all", "c:1", "-e", EDITOR=f"'{editor}'")

    assert done.code == 0
    assert service.body_of("POST /runs")["prompt"] == "from the editor"


@pytest.mark.parametrize(("answer", "code", "confirmed"), [("\n", 0, [False, True]), ("n\n", 1, [False])])
def test_a_large_run_is_asked_about_on_a_terminal(
    person: Person, service: StandIn, answer: str, code: int, confirmed: list[bool]
) -> None:
    question = {"v": 1, "question": "84 agents in 42 projects. Start?"}
    service.answers["POST /runs"] = lambda body: (
        run_answer(job(1, "queued")) if body["is_confirmed"] else question
    )

    done = person.types_on_a_terminal("all", "c:2", answer=answer)

    assert done.code == code
    assert "84 agents in 42 projects. Start? [Y/n]" in done.out
    assert [body["is_confirmed"] for _, body in service.requests] == confirmed


def test_y_starts_a_large_run_unasked(person: Person, service: StandIn) -> None:
    service.answers["POST /runs"] = run_answer(job(1, "queued"))

    person.types_on_a_terminal("all", "c:2", "-y")

    assert [body["is_confirmed"] for _, body in service.requests] == [True]


def test_json_is_the_answer_of_the_api(person: Person, service: StandIn) -> None:
    service.answers["POST /runs"] = run_answer(job(1, "queued"))

    done = person.types("all", "c:1", "fix it", "--json")

    assert json.loads(done.out) == run_answer(job(1, "queued"))


def test_wait_of_all_shows_each_change_and_what_came_of_it(person: Person, service: StandIn) -> None:
    states = iter(
        [_jobs(job(1, "queued"), job(2, "queued"))] * 2 + [_jobs(job(1, "review"), job(2, "failed"))]
    )
    service.answers["POST /runs"] = run_answer(job(1, "queued"), job(2, "queued"))
    service.answers["GET /jobs?scope=all&run=1"] = lambda _: next(states)
    service.emit(job(1, "running"), job(9, "running"), job(2, "failed", cause="exited 1"), job(1, "review"))

    done = person.types("all", "c:2", "fix it", "--wait")

    said = [" ".join(line.split()[:2]) for line in done.out.splitlines()[1:]]
    assert said == [
        "#1 queued",
        "#2 queued",
        "#1 running",
        "#2 failed",
        "because: exited",
        "#1 review",
        "#1 review",
        "#2 failed",
        "1 of",
    ]
    assert "1 of 2 in review" in done.out
    assert done.code == 1


def test_wait_of_all_redraws_in_place_on_a_terminal(person: Person, service: StandIn) -> None:
    states = iter([_jobs(job(1, "running"))] * 2 + [_jobs(job(1, "review", files=1, added=3))])
    service.answers["POST /runs"] = run_answer(job(1, "queued"))
    service.answers["GET /jobs?scope=all&run=1"] = lambda _: next(states)
    service.emit(job(1, "review"))

    done = person.types_on_a_terminal("all", "c:1", "fix it", "--wait", NO_COLOR="1")

    assert done.code == 0
    assert "\x1b[2A\x1b[J" in done.out
    assert "+3 -0" in done.out.splitlines()[-2]
    assert done.out.splitlines()[-1].startswith("1 of 1 in review")


def test_wait_says_what_came_of_a_job(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "running"))
    over = {"started_ms": NOW_MS, "finished_ms": NOW_MS + 192_000, "files": 2, "added": 14, "removed": 3}
    service.emit(job(1, "review", message="Fixed and\x1b[2J tested.", **over))

    done = person.types("wait", "1")

    step = "aios diff 1, aios land 1"
    assert done.out == f'#1 review after 3:12  2 files +14 -3  "Fixed and tested."   next: {step}\n'
    assert done.code == 0


def test_of_a_long_message_wait_says_how_it_begins(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "failed", message="All went well.\n" + "More. " * 600))

    line = person.types("wait", "1").out

    assert '"All went well. More. More.' in line
    assert len(line) < 300


@pytest.mark.parametrize(("finishes", "step"), [("exit", "logs"), ("turn", "attach"), ("silence", "attach")])
def test_what_has_no_terminal_any_more_is_not_offered_to_attach(
    person: Person, service: StandIn, finishes: str, step: str
) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "review", finishes=finishes))

    assert person.types("wait", "1").out == f"#1 review   next: aios {step} 1\n"


def test_a_wait_that_is_interrupted_says_that_the_run_goes_on(person: Person, service: StandIn) -> None:
    service.answers["POST /runs"] = run_answer(job(1, "queued"))
    service.answers["GET /jobs?scope=all&run=1"] = _jobs(job(1, "running"))

    with person.starts("all", "c:1", "fix it", "--wait") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b"running" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, code = process.stderr.read(), process.wait()

    assert (said, code) == (b"r1 goes on: aios wait r1   aios stop r1\n", 130)


def test_wait_waits_for_the_size_of_the_change(person: Person, service: StandIn) -> None:
    in_review = job(1, "review", base_sha="3f2a9c1", measured_ms=0)
    answers = iter([_jobs(job(1, "running")), _jobs(in_review)])
    service.answers["POST /jobs/find"] = lambda _: next(answers)
    service.emit(in_review)

    with person.starts("wait", "1") as process:
        while len(service.requests) < 2:
            assert process.poll() is None
        service.emit({**in_review, "measured_ms": NOW_MS, "files": 1, "added": 3})
        assert process.stdout is not None
        said = process.stdout.read()

    assert said == b"#1 review  1 file +3 -0   next: aios diff 1, aios land 1\n"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"check": "passed", "check_ms": 41_000}, "ok 41 s   next: aios diff 1, aios land 1"),
        ({"check": "failed", "check_ms": 300}, "red 0.3 s   next: aios logs 1 --check, aios attach 1"),
    ],
)
def test_wait_waits_for_the_end_of_the_check(
    person: Person, service: StandIn, check: dict[str, Any], words: str
) -> None:
    queued = job(1, "review", files=1, added=3, check="queued", check_command="npm test")
    service.answers["POST /jobs/find"] = _jobs(queued)

    with person.starts("wait", "1") as process:
        while not service.requests:
            assert process.poll() is None
        service.emit({**queued, "check": "running"}, {**queued, **check})
        assert process.stdout is not None
        said = process.stdout.read().decode()

    assert said == f"#1 review  1 file +3 -0  check npm test {words}\n"


def test_a_wait_that_gives_up_says_that_a_check_is_not_over(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "review", files=1, check="running"), job(2, "review"))

    done = person.types("wait", "1", "2", "--timeout", "1")

    assert (done.code, done.err) == (1, "not finished after 1: #1 review (its check is not over)\n")
    assert done.out.startswith("#2 review ")


def test_wait_for_a_failed_job_exits_with_1(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "failed", cause="exited 3"), job(2, "review"))

    done = person.types("wait", "r1")

    assert done.code == 1
    assert "#1 failed  exited 3   next: aios retry 1" in done.out


def test_wait_gives_up_after_its_time(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "running"), job(2, "review"))

    done = person.types("wait", "1", "2", "--timeout", "1")

    assert (done.code, done.err) == (1, "not finished after 1: #1 running\n")


def test_wait_survives_a_restart_of_the_service(person: Person, settings: Settings) -> None:
    with serving(settings.api_socket) as before, ExitStack() as stack:
        before.answers["POST /jobs/find"] = _jobs(job(1, "waiting", question="Go on?"))
        process = stack.enter_context(person.starts("wait", "1"))
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"#1 waits")
        process_to_its_end = stack.pop_all()

    with process_to_its_end, serving(settings.api_socket) as after:
        after.answers["POST /jobs/find"] = _jobs(job(1, "review", since_ms=NOW_MS + 1))
        out, err = process.communicate(timeout=8)

    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"#1 review")


def test_an_older_event_does_not_undo_what_was_read(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = _jobs(job(1, "running"), job(2, "review", since_ms=NOW_MS + 5))
    service.emit(job(2, "running"), job(1, "review"))

    done = person.types("wait", "1", "2")

    assert [line.split()[0] for line in done.out.splitlines()] == ["#2", "#1"]


def test_follow_prints_new_jobs_and_changes_as_they_come(person: Person, service: StandIn) -> None:
    service.answers["GET /jobs?scope=default"] = _jobs(job(1, "running"))
    service.emit(job(1, "review"), job(2, "queued"))

    with person.starts("jobs", "--follow") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(3)]
        process.terminate()

    assert [" ".join(line.split()[:2]) for line in lines] == ["#1 running", "#1 review", "#2 queued"]


def test_stop_waits_for_the_ends_and_says_what_came_of_each(person: Person, service: StandIn) -> None:
    service.answers["GET /status"] = {"v": 1}
    results = [
        {"job": job(1, "running", is_open=True), "outcome": "stopping", "survivors": ["42 gpg-agent"]},
        {"job": job(2, "stopped"), "outcome": "stopped", "survivors": []},
        {"job": job(3, "review"), "outcome": "not running", "survivors": []},
        {"job": job(4, "running"), "outcome": "away", "survivors": []},
    ]
    service.answers["POST /jobs/stop"] = {"v": 1, "results": results}
    service.emit(job(1, "stopped"))

    done = person.types("stop", "r1", "--all-processes")

    assert done.code == 0
    assert done.out.splitlines() == [
        "#2 stopped (not started)",
        "#3 not running: review",
        "#4 ends once its machine answers again (aios machines)",
        "#1 stopped",
    ]
    assert "42 gpg-agent" in done.err
    assert service.body_of("POST /jobs/stop")["all_processes"]


def test_x_ends_only_what_runs_and_needs_an_answer(person: Person, service: StandIn) -> None:
    jobs = [
        job(1, "running", is_open=True),
        job(2, "queued"),
        job(3, "review"),
        job(4, "review", is_open=True),
    ]
    service.answers["GET /jobs?scope=all"] = _jobs(*jobs)
    service.answers["GET /status"] = {"v": 1}
    service.answers["POST /jobs/stop"] = lambda body: {
        "v": 1,
        "results": [{"job": job(int(ref), "stopped"), "outcome": "stopped"} for ref in body["refs"]],
    }

    unanswered, sure = person.types("x"), person.types("x", "-y")
    refused = person.types_on_a_terminal("x", answer="n\n")

    assert unanswered.code == 3
    assert "add -y" in unanswered.err
    assert (sure.code, service.body_of("POST /jobs/stop")["refs"]) == (0, ["1", "2", "4"])
    assert refused.code == 1
    assert sum(name == "POST /jobs/stop" for name, _ in service.requests) == 1


def test_retry_shows_the_attempts_and_what_could_not_be_tried(person: Person, service: StandIn) -> None:
    problem = {"job": 2, "message": "#2 is running: nothing to retry"}
    queued = job(1, "queued", reason="for a free slot")
    service.answers["POST /jobs/retry"] = {"v": 1, "jobs": [queued], "problems": [problem]}

    done = person.types("retry", "r1", "--agent", "l", "--fresh")

    assert done.code == 1
    assert done.out.startswith("#1 queued")
    assert "waits" not in done.out
    assert done.err == "#2 is running: nothing to retry\n"
    assert service.body_of("POST /jobs/retry")["is_fresh"]
