"""What the dashboard shows: jobs as they are, whatever they are called, and what is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios_app.settings import Settings
from tests.integration.cli_running import Person
from tests.integration.cli_stand_in import NOW_MS, StandIn, error, job, serving
from tests.integration.dashboard_playing import Playing, asked, own_instance, play, play_with, serve


@pytest.fixture(autouse=True)
def _instance(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is read from disk is this test's."""
    yield from own_instance(environment, monkeypatch)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def _away(machine: str, name: str, since_ms: int) -> dict[str, Any]:
    return {"id": machine, "name": name, "unreachable_ms": since_ms}


def _screen(text: str) -> dict[str, Any]:
    return {"v": 1, "job": 1, "text": text}


def test_what_needs_the_person_stands_first_with_its_reason(settings: Settings, service: StandIn) -> None:
    jobs = [
        job(1, "running", title="write docs"),
        job(2, "review", title="fix it", files=2, added=14, removed=3, base_sha="a1", measured_ms=NOW_MS),
        job(3, "waiting", question="Proceed?"),
        job(4, "failed", cause="setup failed: npm ci"),
        job(5, "queued", reason="for a free slot"),
    ]

    async def look(playing: Playing) -> None:
        lines = playing.screen.split("\n")
        assert [line.split()[0] for line in lines[2:7]] == ["#3", "#4", "#2", "#1", "#5"]
        assert "Proceed?" in lines[2]
        assert "setup failed: npm ci" in lines[3]
        assert "+14 -3" in lines[4]
        assert "for a free slot" in lines[6]
        assert lines[0].split("  ")[1:] == ["1 waiting", "1 failed", "1 review", "1 running", "1 queued"]

    play_with(settings, service, jobs, look)


def test_what_is_cut_beside_the_scroll_bar_says_so(settings: Settings, service: StandIn) -> None:
    jobs = [job(number, "running", title="long words " * 20) for number in range(1, 31)]

    async def look(playing: Playing) -> None:
        await playing.until(lambda: playing.screen.split("\n")[2][78] == "…")

    play_with(settings, service, jobs, look)


def test_events_change_the_list_and_the_selection_stays_on_its_job(
    settings: Settings, service: StandIn
) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("j")
        assert playing.selected == 2
        service.emit(job(2, "waiting", question="Which one?"), job(3, "queued"))
        await playing.sees("Which one?")
        assert playing.screen.split("\n")[2].startswith(" #2")
        assert playing.selected == 2
        assert "#3" in playing.screen

    play_with(settings, service, [job(1, "running"), job(2, "running")], scenario)


@pytest.mark.parametrize(
    "size", [(80, 24), *(pytest.param(size, marks=pytest.mark.long) for size in ((160, 45), (40, 10)))]
)
def test_hostile_words_are_text(settings: Settings, service: StandIn, size: tuple[int, int]) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[red]bold[/red] 漢字 \u202e\x9b31m 'q' $(id)\nsecond"
    jobs = [job(1, "waiting", title=hostile, question=hostile, project=hostile, agent=hostile, is_open=True)]
    service.answers["GET /jobs/1/history?lines=0"] = _screen(
        f"\x1b[31mred\x1b[0m {hostile}\x1b]52;c;eA==\x07"
    )

    async def look(playing: Playing) -> None:
        await playing.until(lambda: asked(service, "GET /jobs/1/history?lines=0"))
        await playing.press("slash")
        await playing.type("[red]")
        assert playing.selected == 1
        await playing.press("escape", "X")
        assert all(char.isprintable() or char == "\n" for char in playing.screen)
        assert "owned" not in playing.screen

    service.answers["POST /jobs/drop"] = {"v": 1, "question": hostile, "names": [hostile]}
    play_with(settings, service, jobs, look, size)


def test_markup_in_a_question_is_shown_as_it_is(settings: Settings, service: StandIn) -> None:
    async def look(playing: Playing) -> None:
        await playing.sees("Delete [red]all[/red]? 漢字")

    play_with(settings, service, [job(1, "waiting", question="Delete [red]all[/red]? 漢字")], look)


def test_the_preview_shows_the_agents_screen_in_its_colours(settings: Settings, service: StandIn) -> None:
    service.answers["GET /jobs/1/history?lines=0"] = _screen("\x1b[31mred\x1b[0m plain\n\x1b[1mbold\n\n\n")

    async def look(playing: Playing) -> None:
        await playing.sees("red plain")
        styles = {
            segment.text: segment.style
            for strip in playing.app.screen._compositor.render_strips()
            for segment in strip
        }
        assert "color(1)" in str(styles["red"])

    play_with(settings, service, [job(1, "running", is_open=True)], look)


@pytest.mark.long
def test_ctrl_l_shows_the_screen_as_it_is_now(settings: Settings, service: StandIn) -> None:
    screens = service.answers
    screens["GET /jobs/1/history?lines=0"] = _screen("half of it")

    async def scenario(playing: Playing) -> None:
        await playing.sees("half of it")
        await playing.until(lambda: len(asked(service, "GET /jobs/1/history?lines=0")) > 1)  # by itself
        screens["GET /jobs/1/history?lines=0"] = _screen("all of it")
        await playing.press("ctrl+l")
        await playing.sees("all of it")
        await playing.press("question_mark")
        await playing.sees("Ctrl-L")

    play_with(settings, service, [job(1, "running", is_open=True)], scenario)


@pytest.mark.long
def test_a_job_without_a_screen_shows_what_is_known_of_it(settings: Settings, service: StandIn) -> None:
    async def look(playing: Playing) -> None:
        await playing.sees("says")
        assert "The redirect lost its query." in playing.screen
        assert "aios/1-fix-it" in playing.screen
        assert asked(service, "GET /jobs/1/history?lines=0") == []

    play_with(settings, service, [job(1, "review", message="The redirect lost its query.")], look)


@pytest.mark.long
def test_who_passes_over_jobs_asks_for_no_screen(settings: Settings, service: StandIn) -> None:
    jobs = [job(number, "running", is_open=True) for number in range(1, 21)]
    for number in range(1, 21):
        service.answers[f"GET /jobs/{number}/history?lines=0"] = _screen(f"screen of {number}")

    async def scenario(playing: Playing) -> None:
        await playing.sees("screen of 1")
        for _ in range(19):
            playing.app.jobs.move(1)
        await playing.sees("screen of 20")
        asked_for = {name for name, _ in service.requests if "history" in name}
        assert asked_for == {"GET /jobs/1/history?lines=0", "GET /jobs/20/history?lines=0"}

    play_with(settings, service, jobs, scenario)


def test_five_hundred_jobs_are_made_into_lines_only_where_they_are_seen(
    settings: Settings, service: StandIn
) -> None:
    jobs = [job(number, "running", title=f"task {number}") for number in range(1, 501)]

    async def scenario(playing: Playing) -> None:
        assert len(playing.app.jobs.rows) == 500
        assert len(playing.app.jobs._drawn) <= 20
        await playing.press("end")
        await playing.sees("task 500")
        assert playing.selected == 500
        await playing.press("home")
        await playing.sees("#1 ")
        assert playing.selected == 1

    play_with(settings, service, jobs, scenario)


@pytest.mark.long
def test_a_wide_terminal_has_list_and_preview_side_by_side(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.until(lambda: "──" in playing.screen.split("\n")[1])
        await playing.pilot.resize_terminal(80, 24)
        await playing.until(lambda: "──" not in playing.screen.split("\n")[1])
        assert all(len(line) <= 80 for line in playing.screen.split("\n"))

    play_with(settings, service, [job(1)], scenario, size=(160, 45))


@pytest.mark.long
def test_machines_are_a_column_and_a_group_where_there_are_several(
    settings: Settings, service: StandIn
) -> None:
    async def two(playing: Playing) -> None:
        assert "machine" in playing.screen
        assert "machine" in playing.screen
        assert "pi is unreachable since" in playing.screen
        await playing.press("g", "g", "g")
        await playing.sees("by machine")
        assert [row for row in playing.app.jobs.rows if isinstance(row, str)] == ["here  1", "pi  2"]
        service.emit(job(1, "review", machine="m2"))
        await playing.sees("pi  3")

    machines = [{"id": "m1", "name": "here", "unreachable_ms": 0}, _away("m2", "pi", NOW_MS)]
    jobs = [job(1), job(2, machine="m2"), job(3, "review", machine="m2")]
    play_with(settings, service, jobs, two, machines=machines)


@pytest.mark.long
def test_a_dashboard_to_which_nothing_happens_asks_for_nothing(settings: Settings, service: StandIn) -> None:
    service.answers["GET /jobs/1/history?lines=0"] = _screen("at work")

    async def scenario(playing: Playing) -> None:
        await playing.sees("at work")
        await playing.until(lambda: len(asked(service, "GET /jobs/1/history?lines=0")) == 2)
        before = list(service.requests)
        await playing.pilot.pause(4)
        assert service.requests == before

    play_with(settings, service, [job(1, is_open=True)], scenario)


def test_it_opens_with_what_happened_since_the_person_left(settings: Settings, service: StandIn) -> None:
    async def leave(playing: Playing) -> None:
        assert "since" not in playing.screen

    async def come(playing: Playing) -> None:
        await playing.sees("1 to review, 1 waits for you, 2 failed")
        assert "since" in playing.screen
        await playing.press("j")
        await playing.sees("Enter attach")

    play_with(settings, service, [job(1)], leave)
    since = NOW_MS + 3_600_000
    news = [
        job(1, "review", since_ms=since),
        job(2, "waiting", since_ms=since),
        job(3, "failed", since_ms=since),
        job(4, "failed", since_ms=since),
        job(5, "failed"),
    ]
    play_with(settings, service, news, come)
    assert (settings.data_dir / "dashboard.json").stat().st_mode & 0o777 == 0o600


def test_a_list_that_comes_late_does_not_take_away_what_a_line_came_to(
    settings: Settings, service: StandIn
) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press(":")
        playing.app.tell("it is in your browser")
        playing.app._greet()
        await playing.sees("it is in your browser")

    play_with(settings, service, [job(1)], scenario)


def test_where_the_stack_is_down_that_is_said_and_it_comes_back_by_itself(settings: Settings) -> None:
    (settings.data_dir / "runs").mkdir()
    (settings.data_dir / "runs" / "1.json").write_text(json.dumps({"stages": [{"jobs": [job(7, "review")]}]}))
    is_there, may_go = threading.Event(), threading.Event()

    def serve_later() -> None:
        with serving(settings.api_socket) as service:
            serve(service, job(8, "running"))
            is_there.set()
            may_go.wait(8)

    async def scenario(playing: Playing) -> None:
        await playing.sees("the stack is down")
        await playing.sees("#7")
        thread = threading.Thread(target=serve_later)
        thread.start()
        try:
            await playing.sees("#8")
            assert "down" not in playing.screen
        finally:
            may_go.set()
            thread.join()
        await playing.sees("the stack is down")

    play(settings, scenario)


def test_u_starts_a_stack_that_is_down(settings: Settings) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.sees("u: start it")
        await playing.press("u")
        assert playing.words() == ["up"]

    play(settings, scenario)


def test_after_a_break_the_stream_is_resumed_where_it_was(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        service.emit(job(1, "review"))
        await playing.sees("review")
        service.events.put(None)
        await playing.until(lambda: service.resumed_after == ["", "1-0"])
        service.emit(job(1, "landed"))
        await playing.sees("landed")
        assert len(asked(service, "GET /jobs")) == 1

    play_with(settings, service, [job(1)], scenario)


def test_after_a_gap_the_jobs_are_read_again(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        serve(service, job(1, "review"), job(2, "waiting"))
        service.events.put({"v": 1, "type": "gap", "id": "9-0"})
        await playing.sees("#2")
        service.events.put(None)
        await playing.until(lambda: service.resumed_after == ["", "9-0"])

    play_with(settings, service, [job(1)], scenario)


@pytest.mark.long
def test_redis_that_is_away_is_named_until_it_is_back(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        service.events.put({"v": 1, "type": "redis", "is_away": True})
        await playing.sees("Redis does not answer: aios doctor")
        service.events.put({"v": 1, "type": "redis", "is_away": False})
        await playing.until(lambda: "Redis" not in playing.screen)

    play_with(settings, service, [job(1)], scenario)


@pytest.mark.long
def test_a_service_that_answers_with_an_error_is_named(settings: Settings, service: StandIn) -> None:
    service.answers["GET /jobs"] = error("external", "the ledger is gone")

    async def scenario(playing: Playing) -> None:
        await playing.sees("the ledger is gone")

    play(settings, scenario)


def test_without_a_terminal_there_is_the_first_page_of_help(environment: dict[str, str]) -> None:
    person = Person(Path("/"), environment)

    done = person.types()

    assert (done.code, "aios COMMAND --help" in done.out) == (0, True)
    assert "aios COMMAND --help" in person.types_on_a_terminal(TERM="dumb").out


@pytest.mark.long
def test_what_ends_the_dashboard_before_its_time_is_one_line_and_in_the_log(
    settings: Settings, service: StandIn, environment: dict[str, str]
) -> None:
    service.answers["GET /jobs"] = {"v": 1, "jobs": []}

    done = Person(Path("/"), environment).types_on_a_terminal()

    assert done.code == 4
    assert "KeyError: 'now_ms' (details: " in done.out.rpartition("\x1b[")[2].replace("\n", "")
    assert "Traceback" in (settings.logs_dir / "cli.log").read_text()
