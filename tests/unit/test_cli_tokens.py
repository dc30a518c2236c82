from __future__ import annotations

from typing import Any

import pytest

from aios_app.cli.job_lines import job_lines
from aios_app.cli.tokens import short, spent
from aios_app.cli.waiting import outcome_line

JOB: dict[str, Any] = {"number": 7, "state": "review", "project": "shop", "agent": "codex", "title": "fix"}
SPENT = {"tokens_in": 1_234_567, "tokens_cached": 900_000, "tokens_out": 14_321}


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0"), (950, "950"), (14_321, "14k"), (999_499, "999k"), (999_500, "1.0M")]
)
def test_numbers_of_tokens_are_short(count: int, words: str) -> None:
    assert short(count) == words


def test_money_is_said_only_where_the_agent_said_it() -> None:
    assert spent(JOB | SPENT) == "1.2M tokens in (900k cached), 14k out"
    assert spent(JOB | SPENT | {"cost_usd": "0.4167"}) == "1.2M tokens in (900k cached), 14k out, $0.42"
    assert spent(JOB) == ""


def test_tokens_are_shown_in_the_wide_list_and_when_a_job_has_finished() -> None:
    wide = job_lines([JOB | SPENT], 0, is_wide=True)
    narrow = job_lines([JOB | SPENT], 0)

    assert any(line.split()[:2] == ["tokens", "1.2M"] for line in wide)
    assert not any("tokens" in line for line in narrow)
    assert "1.2M tokens in" in outcome_line(JOB | SPENT)
