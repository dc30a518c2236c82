"""Starting one agent, typing into it, answering and resuming it, against a stand-in for the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios_app.settings import Settings
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
    return {"v": 1, "now_ms": NOW_MS, "jobs": list(jobs)}


def _opened(**changes: object) -> Json:
    one = job(7, "running", worktree="/code/shop", is_in_place=True)
    return {"v": 1, "job": one, "is_new": True, "taken": "", "base": "", "delivery": None, **changes}


def _delivered(number: int, message: str = "delivered", *, is_delivered: bool = True, turns: int = 1) -> Json:
    one = job(number, "running")
    return {"job": one, "is_delivered": is_delivered, "message": message, "turns": turns}


def test_an_agent_is_started_by_its_key_and_everything_is_sent_as_it_was_typed(
    person: Person, service: StandIn
) -> None:
    service.answers["POST /jobs/open"] = _opened(taken="'fix it' is the prompt", base="base origin/main 3f2")

    done = person.types(
        "c++", "shop", "fix it", "-d", "-t", "--base", "v1", "--limit", "2h", "--", "-m", "o5"
    )

    assert (done.code, done.out.splitlines()[:3]) == (
        0,
        ["'fix it' is the prompt", "base origin/main 3f2", "started #7 codex in /code/shop"],
    )
    assert service.body_of("POST /jobs/open") == {
        "agent": "c++",
        "words": ["shop", "fix it"],
        "cwd": str(person.directory),
        "prompt": None,
        "base": "v1",
        "name": "",
        "limit": "2h",
        "extra_args": ["-m", "o5"],
        "machine": "",
        "has_shell": True,
        "is_dry_run": False,
    }


@pytest.mark.parametrize("words", [("-p", "-y now"), ("--prompt-file", "-"), ("-p", "7")])
def test_a_prompt_by_a_flag_is_always_the_prompt(
    person: Person, service: StandIn, words: tuple[str, ...]
) -> None:
    service.answers["POST /jobs/open"] = _opened()

    done = person.types("claude", *words, "-d", given=b"of stdin")

    assert done.code == 0, done.err
    body = service.body_of("POST /jobs/open")
    assert (body["words"], body["prompt"]) == ([], "of stdin" if words[1] == "-" else words[1])


def test_a_prompt_that_was_not_delivered_is_said_and_fails(person: Person, service: StandIn) -> None:
    said = _delivered(7, "not delivered: somebody is typing there", is_delivered=False)
    service.answers["POST /jobs/open"] = _opened(is_new=False, delivery=said)

    done = person.types("c", "fix it", "-d")

    assert (done.code, done.err) == (1, "#7 not delivered: somebody is typing there\n")
    assert "found #7 codex in /code/shop" in done.out


def test_it_attaches_and_a_new_window_attaches_for_it(
    person: Person, service: StandIn, short_path: Path
) -> None:
    service.answers["POST /jobs/open"] = _opened()
    service.answers["POST /jobs/attach"] = {"v": 1, "argv": ["echo", "attached"], "is_resumed": False}
    window = short_path / "xterm"
    window.write_text(
        f'#!/bin/sh\n"$@" >{short_path}/shown.new 2>&1; mv {short_path}/shown.new {short_path}/shown\n'
    )
    window.chmod(0o755)

    here = person.types_on_a_terminal("c")
    there = person.types("c", "-w", PATH=f"{short_path}:/usr/bin:/bin", DISPLAY=":9", TERMINAL=str(window))

    assert "attached" in here.out
    assert service.body_of("POST /jobs/attach")["ref"] == "7"
    assert there.code == 0, there.err


def test_without_a_window_to_open_the_line_to_use_is_said(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/open"] = _opened()

    done = person.types("c", "-w", DISPLAY="", WAYLAND_DISPLAY="")

    assert (done.code, "type aios attach 7" in done.err) == (3, True)


def test_send_says_for_each_job_what_came_of_it(person: Person, service: StandIn) -> None:
    no = _delivered(8, "not delivered: somebody is typing there", is_delivered=False)
    service.answers["POST /jobs/send"] = {"v": 1, "results": [_delivered(7), no]}

    done = person.types("send", "7", "shop", "-n is a flag")

    assert (done.code, done.out, done.err) == (
        1,
        "#7 delivered\n",
        "#8 not delivered: somebody is typing there\n",
    )
    body = service.body_of("POST /jobs/send")
    assert (body["refs"], body["text"], body["is_submitted"], body["keys"]) == (
        ["7", "shop"],
        "-n is a flag",
        True,
        [],
    )


def test_send_waits_for_the_turn_that_it_began(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/send"] = {"v": 1, "results": [_delivered(7)]}
    service.answers["POST /jobs/find"] = _jobs(job(7, "review", turns=1, is_open=True))
    service.emit(
        job(7, "running", turns=1, since_ms=NOW_MS + 1),
        job(7, "review", turns=2, since_ms=NOW_MS + 2, message="Done.", is_open=True),
    )

    done = person.types("send", "7", "go on", "--wait")

    assert done.code == 0
    assert done.out.splitlines()[0] == "#7 delivered"
    assert '"Done."' in done.out.splitlines()[1]


@pytest.mark.parametrize(
    "words", [("text",), ("7", "x", "--wait", "--no-enter"), ("--keys", "Up", "--", "7")]
)
def test_what_cannot_be_sent_is_wrong_usage(person: Person, service: StandIn, words: tuple[str, ...]) -> None:
    assert person.types("send", *words).code == 2
    assert service.requests == []


def test_a_text_that_begins_with_a_dash_stands_after_two(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/send"] = {"v": 1, "results": [_delivered(7)]}

    person.types("send", "7", "--", "-v")

    body = service.body_of("POST /jobs/send")
    assert (body["refs"], body["text"]) == (["7"], "-v")


def test_keys_are_sent_in_the_place_of_a_text(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/send"] = {"v": 1, "results": [_delivered(7, "keys delivered")]}

    done = person.types("send", "7", "--keys", "Escape", "C-c")

    assert done.out == "#7 keys delivered\n"
    body = service.body_of("POST /jobs/send")
    assert (body["refs"], body["text"], body["keys"]) == (["7"], "", ["Escape", "C-c"])


def test_a_question_is_answered_once_and_the_reply_is_said(person: Person, service: StandIn) -> None:
    service.answers["GET /status"] = {"v": 1}
    service.answers["POST /jobs/find"] = _jobs(job(7))
    service.answers["POST /jobs/answer"] = {"v": 1, "is_answered": True, "reply": "y", "message": "delivered"}
    service.emit(job(7, "waiting", question="Go\x1b[2J on?", since_ms=NOW_MS + 1))

    done = person.types("answer", "7")

    assert (done.code, done.out) == (0, "#7 asks: Go on?\n#7 answered: y\n")


def test_the_time_for_answers_ends(person: Person, service: StandIn) -> None:
    service.answers["GET /status"] = {"v": 1}
    service.answers["POST /jobs/find"] = _jobs(job(7))

    done = person.types("watch", "7", "0.2")

    assert (done.code, done.out) == (0, "")


def test_resume_says_first_what_it_will_do_and_starts_a_few_at_a_time(
    person: Person, service: StandIn
) -> None:
    lost = [job(number, "failed", cause="session lost", since_ms=NOW_MS) for number in (1, 2, 3)]

    def resume(body: Json) -> Json:
        if body.get("is_dry_run"):
            return {"v": 1, "jobs": lost, "problems": [], "at_once": 2}
        return {"v": 1, "jobs": [job(int(n), "queued") for n in body["refs"]], "problems": [], "at_once": 2}

    service.answers["POST /jobs/resume"] = resume
    service.answers["POST /jobs/find"] = lambda body: _jobs(
        *(job(int(n), "review", is_open=True, attempt_no=2) for n in body["refs"])
    )

    refused = person.types_on_a_terminal("resume", "--all", answer="n\n")
    done = person.types("resume", "--all", "-y")

    assert refused.code == 1
    assert "Start 3 agents, 2 at a time, with their conversations? [Y/n]" in refused.out
    assert [line for line in done.out.splitlines() if "is back" in line] == [
        f"#{number} is back   next: aios attach {number}" for number in (1, 2, 3)
    ]
    started = [
        body["refs"] for name, body in service.requests if name == "POST /jobs/resume" and body["refs"]
    ]
    assert started == [["1", "2"], ["3"]]


def test_the_default_prompt_is_shown_edited_and_reset(
    person: Person, service: StandIn, short_path: Path
) -> None:
    service.answers["GET /agents"] = {"v": 1, "agents": [{"key": "c", "name": "codex"}]}
    service.answers["GET /config/codex_prompt"] = {"v": 1, "key": "codex_prompt", "value": "old\x1b[2J text"}
    service.answers["PUT /config/codex_prompt"] = lambda body: {
        "v": 1,
        "key": "codex_prompt",
        "value": body["value"] or "old text",
    }
    editor = short_path / "editor"
    editor.write_text('#!/bin/sh\necho "and more" >>"$1"\n')
    editor.chmod(0o755)

    shown = person.types("prompt", "c")
    person.types_on_a_terminal("prompt", "codex", "-e", EDITOR=str(editor))
    edited = service.body_of("PUT /config/codex_prompt")
    person.types("prompt", "c", "--reset")
    reset = service.body_of("PUT /config/codex_prompt")

    assert shown.out == "old text\n"
    assert edited == {"value": "old\x1b[2J textand more"}
    assert reset == {"value": None}
    assert person.types("prompt", "nobody").code == 2
    assert person.types("prompt", "-e").code == 2


def test_an_error_of_the_service_is_one_line(person: Person, service: StandIn) -> None:
    service.answers["POST /jobs/open"] = error("usage", "there is no project 9")

    done = person.types("c", "9", "-d")

    assert (done.code, done.err) == (2, "there is no project 9\n")
    assert json.dumps(service.body_of("POST /jobs/open")["words"]) == '["9"]'
