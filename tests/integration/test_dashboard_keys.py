"""Each key of the dashboard, and its prompt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.events import Key, Paste

from aios_app.cli.dashboard.memory import MAX_LINES
from aios_app.cli.dashboard.prompt import Mode
from aios_app.cli.prompt_line import MARK
from aios_app.settings import Settings
from tests.integration.cli_stand_in import Json, StandIn, error, job, serving
from tests.integration.dashboard_playing import Playing, asked, own_instance, play_with

THREE = [job(1, "review", base_sha="a1"), job(2, "running"), job(3, "failed")]


@pytest.fixture(autouse=True)
def _instance(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is read from disk is this test's."""
    yield from own_instance(environment, monkeypatch)


@pytest.fixture
def service(settings: Settings) -> Iterator[StandIn]:
    with serving(settings.api_socket) as stand_in:
        yield stand_in


def _landing(number: int) -> Json:
    return {"v": 1, "landings": [{"job": number, "label": "main of shop", "place": 1}], "problems": []}


@pytest.mark.long
def test_arrows_and_letters_move_over_the_jobs_and_not_over_headings(
    settings: Settings, service: StandIn
) -> None:
    async def scenario(playing: Playing) -> None:
        seen = [playing.selected]
        for key in ("j", "down", "j", "k", "up", "G", "home"):
            await playing.press(key)
            seen.append(playing.selected)
        assert seen == [3, 1, 2, 2, 1, 3, 2, 3]
        await playing.press("g")
        assert "shop  3" in playing.screen
        await playing.press("home", "k")
        assert playing.selected == 3
        await playing.press("g")
        assert "r1  3" in playing.screen
        await playing.press("g")
        assert playing.app.board.group == ""

    play_with(settings, service, THREE, scenario)


def test_enter_v_and_the_words_of_the_prompt_get_the_terminal(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("j", "enter")
        assert playing.words() == ["attach", "1"]
        await playing.press("v")
        assert playing.words() == ["review", "1"]
        await playing.press("j", "v")
        assert playing.words() == ["review"]
        await playing.press("colon")
        await playing.type("all c:2 'fix it'")
        await playing.press("enter")
        await playing.until(lambda: playing.words() == ["all", "c:2", "fix it"])
        assert playing.outside[-1][1] == "/code"

    play_with(settings, service, THREE, scenario)


def test_o_opens_the_jobs_directory_in_the_persons_editor_and_never_by_a_shell(
    settings: Settings, service: StandIn
) -> None:
    editor = {"v": 1, "key": "editor_command", "value": "env 'a b' $(id) ."}
    service.answers["GET /config/editor_command"] = editor

    async def scenario(playing: Playing) -> None:
        await playing.press("o")
        await playing.until(lambda: playing.outside)
        assert playing.outside == [(["env", "a b", "$(id)", "."], "/work trees/3")]
        editor["value"] = "no-such-editor ."
        await playing.press("o")
        await playing.sees("no-such-editor is not installed: aios config editor_command")
        assert len(playing.outside) == 1

    play_with(settings, service, [job(3, worktree="/work trees/3")], scenario)


@pytest.mark.long
def test_w_shows_the_address_where_no_browser_can_be_seen(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/find"] = {"v": 1, "now_ms": 0, "jobs": [THREE[2]]}
    service.answers["POST /web/ticket"] = {"v": 1, "url": "http://127.0.0.1:7681/?ticket=abc"}

    async def scenario(playing: Playing) -> None:
        await playing.press("w")
        await playing.sees("http://127.0.0.1:7681/?ticket=abc")
        await playing.press("q")
        await playing.sees("? keys")
        service.answers["POST /web/ticket"] = error("conflict", "browsers are not let in: aios status")
        await playing.press("w")
        await playing.sees("browsers are not let in: aios status")

    play_with(settings, service, THREE, scenario)


def test_space_sends_a_prompt_without_attaching(settings: Settings, service: StandIn) -> None:
    message = {"job": THREE[0], "is_delivered": True, "message": "delivered", "turns": 1}
    service.answers["POST /jobs/send"] = {"v": 1, "results": [message]}

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "space")
        assert "to #1 codex" in playing.screen
        await playing.type("add q")
        await playing.press("escape", "space")
        await playing.type("go 1")
        await playing.press("enter")
        await playing.sees("#1 delivered")
        [body] = asked(service, "POST /jobs/send")
        assert (body["refs"], body["text"], body["is_submitted"]) == (["1"], "go 1", True)

    play_with(settings, service, THREE, scenario)


def test_d_shows_the_change_and_comes_back(settings: Settings, service: StandIn) -> None:
    text = "diff --git a/x b/x\n+new [red]line\n-\x1b[2Jold\n" + "\n".join(f"+{n}" for n in range(100))
    files = [{"path": "x", "added": 1, "removed": 1, "is_binary": False}]
    service.answers["POST /jobs/diff"] = {
        "v": 1,
        "text": text,
        "files": files,
        "titles": ["#1"],
        "left_out": 0,
    }

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "d")
        await playing.sees("+new [red]line")
        assert "-old" in playing.screen
        await playing.press("G")
        await playing.sees("+99")
        await playing.press("q")
        await playing.sees("Enter attach")

    play_with(settings, service, THREE, scenario)


def test_l_lands_only_after_a_yes(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/land"] = _landing(1)

    async def scenario(playing: Playing) -> None:
        await playing.press("j")
        for no in ("n", "escape"):
            await playing.press("l")
            await playing.sees("Land #1?")
            await playing.press("enter", no)
            await playing.until(lambda: "Land #1?" not in playing.screen)
        assert asked(service, "POST /jobs/land") == []
        await playing.press("l")
        await playing.sees("Land #1?")
        await playing.press("y")
        await playing.sees("#1 lands on main of shop")
        [body] = asked(service, "POST /jobs/land")
        assert (body["refs"], body["message"]) == (["1"], "")

    play_with(settings, service, THREE, scenario)


def test_p_names_the_rivals_that_go_and_drops_them_only_after_a_yes(
    settings: Settings, service: StandIn
) -> None:
    def pick(body: Json) -> Json:
        asks = {"v": 1, "question": "Land #1 and drop 2 rivals?", "names": ["drop #2", "drop #3"]}
        return _landing(1) if body["is_confirmed"] else asks

    service.answers["POST /jobs/pick"] = pick

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "p")
        await playing.sees("Land #1 and drop 2 rivals?")
        assert "drop #3" in playing.screen
        await playing.press("n", "p")
        await playing.sees("Land #1 and drop 2 rivals?")
        await playing.press("y")
        await playing.sees("#1 lands on main of shop")
        confirmed = [body["is_confirmed"] for body in asked(service, "POST /jobs/pick")]
        assert confirmed == [False, False, True]

    play_with(settings, service, THREE, scenario)


@pytest.mark.long
def test_p_without_rivals_lands_after_a_yes_too(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/pick"] = _landing(1)

    async def scenario(playing: Playing) -> None:
        await playing.press("p")
        await playing.sees("Land #1? It has no rivals.")
        await playing.press("n")
        assert asked(service, "POST /jobs/pick") == []

    play_with(settings, service, [job(1, "review")], scenario)


def test_X_drops_only_after_the_question_of_the_service(settings: Settings, service: StandIn) -> None:
    dropped = {"job": job(1), "name": "", "is_dropped": True, "message": "dropped", "trash": ""}

    def drop(body: Json) -> Json:
        asks = {"v": 1, "question": "Drop 1 worktree?", "names": ["#1 1 file not committed: secret.txt"]}
        return {"v": 1, "results": [dropped]} if body["is_confirmed"] else asks

    service.answers["POST /jobs/drop"] = drop

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "X")
        await playing.sees("secret.txt")
        await playing.press("y")
        await playing.sees("#1 dropped")
        assert [body["is_confirmed"] for body in asked(service, "POST /jobs/drop")] == [False, True]

    play_with(settings, service, THREE, scenario)


def test_s_stops_after_a_yes_and_r_resumes(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/stop"] = {"v": 1, "results": [{"job": THREE[1], "outcome": "stopping"}]}
    service.answers["POST /jobs/resume"] = {"v": 1, "jobs": [THREE[2]], "problems": [], "at_once": 3}

    async def scenario(playing: Playing) -> None:
        await playing.press("r")
        await playing.sees("#3 starts again with its conversation")
        await playing.press("s")
        await playing.sees("#3 is failed: nothing of it runs")
        await playing.press("G", "s")
        await playing.sees("Stop #2?")
        await playing.press("y")
        await playing.sees("#2 stopping")
        assert [body["refs"] for body in asked(service, "POST /jobs/stop")] == [["2"]]

    play_with(settings, service, THREE, scenario)


def test_n_goes_from_one_waiting_job_to_the_next(settings: Settings, service: StandIn) -> None:
    jobs = [job(1, "running"), job(2, "waiting"), job(3, "waiting")]

    async def scenario(playing: Playing) -> None:
        await playing.press("G")
        seen = []
        for _ in range(3):
            await playing.press("n")
            seen.append(playing.selected)
        assert seen == [2, 3, 2]
        service.emit(job(2, "running"), job(3, "review"))
        await playing.until(lambda: "waiting" not in playing.screen)
        await playing.press("n")
        await playing.sees("nobody waits for you")

    play_with(settings, service, jobs, scenario)


def test_slash_shows_only_what_holds_the_words(settings: Settings, service: StandIn) -> None:
    jobs = [job(1, title="fix the login"), job(2, title="write docs"), job(3, project="api", title="x")]

    async def scenario(playing: Playing) -> None:
        await playing.press("slash")
        await playing.type("Login")
        assert [row["number"] for row in playing.app.jobs.rows if not isinstance(row, str)] == [1]
        await playing.press("enter", "j")
        assert "/Login" in playing.screen
        await playing.press("escape")
        assert len(playing.app.jobs.rows) == 3

    play_with(settings, service, jobs, scenario)


def test_a_refusal_is_one_line_and_nothing_else_happens(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/land"] = error(
        "conflict", "#1 works in your own [directory]: aios push\nmore"
    )

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "l", "y")
        await playing.sees("#1 works in your own [directory]: aios push")
        assert "more" not in playing.screen

    play_with(settings, service, THREE, scenario)


def test_help_names_every_key_and_q_leaves(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("question_mark")
        for key in ["Enter", "Space", *"vdlpsrXwon/g:?q"]:
            assert any(line.split()[:1] == [key] for line in playing.screen.split("\n")), key
        await playing.press("q")
        await playing.sees("Enter attach")
        await playing.press("q")
        await playing.until(lambda: not playing.app.is_running)

    play_with(settings, service, THREE, scenario)


def test_the_prompt_completes_and_remembers(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("colon")
        await playing.type("rese")
        await playing.press("escape")
        await playing.press("colon")
        await playing.type("resu")
        await playing.press("tab")
        await playing.until(lambda: playing.app.prompt.input.value == "resume ")
        await playing.type("r")
        await playing.press("tab")
        await playing.until(lambda: playing.app.prompt.input.value == "resume r1 ")
        await playing.press("enter")
        await playing.until(lambda: playing.outside and playing.words() == ["resume", "r1"])
        await playing.type("tag sho")
        await playing.press("tab")
        await playing.sees("shoes shop")
        assert playing.app.prompt.input.value == "tag sho"
        await playing.press("up")
        assert playing.app.prompt.input.value == "resume r1 "
        await playing.press("down")
        assert playing.app.prompt.input.value == "tag sho"

    path = settings.data_dir / "prompt_history"
    path.write_text("".join(f"p {n}\n" for n in range(MAX_LINES + 5)))
    play_with(settings, service, THREE, scenario)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines()
    assert (len(lines), lines[-1]) == (MAX_LINES + 1, "resume r1 ")


def test_the_mark_of_the_prompt_opens_it_too(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press(MARK)
        await playing.type("jobs")
        await playing.press("enter")
        await playing.until(lambda: playing.outside and playing.words() == ["jobs"])

    play_with(settings, service, THREE, scenario)


def test_clear_and_open_complete_the_names_of_lists(settings: Settings, service: StandIn) -> None:
    lists: list[Json] = [
        {"name": name, "directory": "/", "steps": []} for name in ("my demo", "my docs", "other")
    ]
    service.answers["GET /steps"] = {"v": 1, "lists": lists}

    async def scenario(playing: Playing) -> None:
        await playing.press("colon")
        await playing.type("clear m")
        await playing.press("tab")
        await playing.until(lambda: playing.app.prompt.input.value == "clear my d")
        await playing.type("o")
        await playing.press("tab")
        await playing.until(lambda: playing.app.prompt.input.value == "clear my docs ")
        playing.app.prompt.change("open o")
        await playing.press("tab")
        await playing.until(lambda: playing.app.prompt.input.value == "open other ")

    play_with(settings, service, THREE, scenario)


def test_the_lines_of_a_pasted_block_run_in_turn_after_a_yes(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        app = playing.app
        app.post_message(Paste("stop \x1b[2J1\r\n\n'boom\nmenu\tx\u200d\r"))
        await playing.sees("Run these 3 lines")
        assert "stop [2J1" in playing.screen
        await playing.press("n")
        await playing.until(lambda: app.prompt.mode is Mode.COMMAND and app.focused is app.prompt.input)
        assert playing.outside == []
        app.post_message(Paste("stop 1\n'boom\nstop 2"))
        await playing.sees("Run these 3 lines")
        await playing.press("y")
        await playing.sees("a quote is not closed   (not run: 1 more)")
        assert len(playing.outside) == 1
        await playing.press("up")
        assert app.prompt.input.value == "stop 2"

    play_with(settings, service, THREE, scenario)


def test_commands_that_are_typed_in_a_hurry_are_carried_out_one_by_one(
    settings: Settings, service: StandIn
) -> None:
    async def scenario(playing: Playing) -> None:
        for char in ":stop 1\rstop 2\r:stop 3\rquit\r":
            key = {"\r": "enter", " ": "space", ":": "colon"}.get(char, char)
            playing.app.post_message(Key(key, char))
        await playing.until(lambda: not playing.app.is_running)
        words = [list(argv)[-2:] for argv, _ in playing.outside]
        assert words == [["stop", "1"], ["stop", "2"], ["stop", "3"]]

    play_with(settings, service, THREE, scenario)


def test_one_pasted_line_stands_in_the_prompt_and_is_not_sent_off(
    settings: Settings, service: StandIn
) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("j", "space")
        playing.app.post_message(Paste("x \x1b[2J-y\nall 'boom' \u200d\n"))
        await playing.sees("x [2J-y all 'boom'")
        await playing.press("escape", "colon")
        playing.app.post_message(Paste("stop 1\r"))
        await playing.sees(f"{MARK} stop 1")
        assert playing.outside == []

    play_with(settings, service, THREE, scenario)


def test_a_question_waits_until_the_prompt_is_left(settings: Settings, service: StandIn) -> None:
    service.answers["POST /jobs/drop"] = {"v": 1, "question": "Drop #1?", "names": ["x"]}

    async def scenario(playing: Playing) -> None:
        await playing.press("j", "colon")
        playing.app.action_drop()  # its answer comes while the person types
        await playing.type("try")
        await playing.sees("a question waits for you")
        await playing.press("y")
        assert playing.app.prompt.input.value == "tryy"
        await playing.press("escape")
        await playing.sees("Drop #1?")
        assert len(asked(service, "POST /jobs/drop")) == 1

    play_with(settings, service, THREE, scenario)


def test_a_line_that_is_wrong_says_so(settings: Settings, service: StandIn) -> None:
    async def scenario(playing: Playing) -> None:
        await playing.press("colon")
        await playing.type("stop 'x")
        await playing.press("enter")
        await playing.sees("a quote is not closed")
        await playing.type(":quit")
        await playing.press("enter")
        await playing.until(lambda: not playing.app.is_running)

    play_with(settings, service, THREE, scenario)
