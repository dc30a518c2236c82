"""What the dashboard makes of jobs, of texts of others, and of what it remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aios_app.cli.dashboard import memory
from aios_app.cli.dashboard.board import Board, Row, next_waiting
from aios_app.cli.dashboard.cells import Columns, age_of
from aios_app.cli.dashboard.header import header
from aios_app.cli.dashboard.keys import hints
from aios_app.cli.dashboard.strips import fitted, screen, wrapped
from aios_app.domain.models import JobState
from tests.jobs import make_job

NOW_MS = 1_700_000_000_000


def _job(number: int, state: str = "running", **changes: Any) -> dict[str, Any]:
    made = make_job(number, state=JobState(state), since_ms=NOW_MS)
    return {**json.loads(json.dumps(made.to_json())), **changes}


def _board(*jobs: dict[str, Any], machines: tuple[dict[str, Any], ...] = ()) -> Board:
    board = Board()
    board.replace({"now_ms": NOW_MS + 5000, "jobs": list(jobs), "machines": list(machines)})
    return board


def _shown(board: Board) -> list[object]:
    return [row if isinstance(row, str) else row["number"] for row in board.rows()]


def test_groups_keep_what_needs_the_person_first() -> None:
    board = _board(_job(1, project="b"), _job(2, "waiting", project="b", run=2), _job(3, project="a", run=2))

    assert _shown(board) == [2, 1, 3]
    board.next_group()
    assert _shown(board) == ["a  1", 3, "b  2", 2, 1]
    board.next_group()
    assert _shown(board) == ["r2  2", 2, 3, "r1  1", 1]
    board.next_group()
    assert board.group == ""


def test_a_search_finds_numbers_runs_and_words_of_any_case() -> None:
    board = _board(_job(7, title="Fix the LOGIN"), _job(8, run=3, agent="claude"))

    found = {}
    for words in ("#7", "r3", "login", "Claude", "nothing"):
        board.search = words
        found[words] = _shown(board)

    assert found == {"#7": [7], "r3": [8], "login": [7], "Claude": [8], "nothing": []}


def test_the_next_waiting_job_is_sought_from_the_row_on_and_from_the_top_again() -> None:
    rows: list[Row] = ["shop  3", _job(1, "waiting"), _job(2), _job(3, "waiting")]

    assert [next_waiting(rows, at) for at in range(4)] == [1, 3, 3, 1]
    assert next_waiting([_job(1)], 0) is None
    assert next_waiting([], 0) is None


def test_rivals_are_the_unsettled_others_of_a_run_in_a_project() -> None:
    job = _job(1, "review")
    board = _board(job, _job(2), _job(3, "dropped"), _job(4, run=2), _job(5, project_id="p2"))

    assert [rival["number"] for rival in board.rivals(job)] == [2]


def test_a_machine_that_comes_back_is_not_called_away_any_more() -> None:
    away = {"id": "m1", "name": "pi", "unreachable_ms": NOW_MS}
    board = _board(_job(1), machines=(away,))
    assert "pi is unreachable" in board.jobs[1]["away"]

    board.take_machines([{**away, "unreachable_ms": 0}])

    assert ("away" in board.jobs[1], board.jobs[1]["where"]) == (False, "pi")


@given(st.text(), st.text(), st.integers(40, 200))
def test_a_row_is_as_wide_as_the_screen_whatever_stands_in_it(text: str, name: str, width: int) -> None:
    job = _job(1, "waiting", question=text, title=text, project=name, agent=name)
    board = _board(job)

    strip = Columns(board, width).line(job, age_of(job, board.now_ms()))

    assert cell_len(strip.text) == width
    assert strip.text.isprintable()


@given(st.text(), st.integers(0, 60))
def test_fitted_texts_have_exactly_their_width(text: str, width: int) -> None:
    clean = "".join(char for char in text if char.isprintable())

    assert cell_len(fitted(clean, width)) == width


@given(st.text(), st.integers(2, 60))
def test_wrapped_lines_are_no_wider_and_lose_no_word(text: str, width: int) -> None:
    lines = [strip.text for strip in wrapped(text, width)]

    assert all(cell_len(line) <= width for line in lines)
    words = "".join(char for line in wrapped(text, 10_000) for char in line.text if not char.isspace())
    assert "".join(char for line in lines for char in line if not char.isspace()) == words


@given(
    st.text()
    | st.lists(st.sampled_from(["\x1b[", "\x1b]", "31m", "2J", "\x07", "\x9b", "a", ";", "\x1bP"])).map(
        "".join
    )
)
def test_of_a_screen_only_text_and_colours_are_left(text: str) -> None:
    assert all(strip.text.isprintable() for strip in screen(text))


def test_colours_of_a_screen_go_on_over_the_end_of_a_line() -> None:
    [first, second] = screen("\x1b[31mred\nstill\x1b[0m not\n\n")

    styles = [str(segment.style) for strip in (first, second) for segment in strip]
    assert [strip.text for strip in (first, second)] == ["red", "still not"]
    assert styles[0] == styles[1] != styles[2]


def test_the_hints_fit_a_narrow_terminal() -> None:
    keys = hints().text

    assert "? keys" in keys[:80]


@pytest.mark.parametrize("width", [40, 80, 160])
def test_what_is_wrong_is_in_the_first_line_at_any_width(width: int) -> None:
    board = _board(*(_job(number, state) for number, state in enumerate(JobState, start=1)))

    assert "down" in header(board, "the stack is down", width).text[:width]


def test_the_news_count_what_came_after_the_person_left() -> None:
    jobs = [_job(1, "review"), _job(2, "review"), _job(3, "waiting"), _job(4, "failed", since_ms=5)]

    said = memory.news_since(NOW_MS - 1, jobs, NOW_MS + 1)

    assert said.startswith("since ")
    assert said.endswith(": 2 to review, 1 waits for you")
    assert memory.news_since(NOW_MS, jobs, NOW_MS) == ""
    assert memory.news_since(0, jobs, NOW_MS) == ""


def test_when_the_person_left_is_kept_and_a_broken_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.json"
    assert memory.read_left_ms(path) == 0

    memory.write_left_ms(path, 42)

    assert memory.read_left_ms(path) == 42
    assert (path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (0o600, [path])
    for broken in ("", "[]", '{"left_ms": null}', "\udcff"):
        path.write_bytes(broken.encode("utf-8", "surrogateescape"))
        assert memory.read_left_ms(path) == 0
    memory.write_left_ms(tmp_path / "gone" / "dashboard.json", 1)


def test_the_history_has_each_line_once_in_a_row_and_two_dashboards_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "prompt_history"
    one, other = memory.History(path), memory.History(path)

    for history, line in ((one, "jobs"), (one, "jobs"), (other, "stop 1"), (one, " "), (one, "p \udcff")):
        history.add(line)

    assert memory.History(path).lines == ["jobs", "stop 1", "p \udcff"]
