from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aios_app.domain.limits import RateLimit, find_limit

#: A Friday.
NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [
        "exited 1",
        "API error: 400 Bad Request",
        "the API is overloaded: API Error: 529",
        "login needed: run codex login",
        "setup exited 1 (aios logs 3)",
        "took longer than its limit of 60 s",
    ],
)
def test_other_failures_are_no_rate_limits(words: str) -> None:
    assert find_limit(words, NOW) is None


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (
            "You've hit your usage limit. Upgrade to Pro or try again in 3 days 4 hours 12 minutes.",
            "3d 4h 12m",
        ),
        ("exhausted your capacity on this model. Your quota will reset after 2h13m36s.", "2h 13m 36s"),
        ("Rate limit reached for gpt-5: Please try again in 20s.", "20s"),
        ("429 Too Many Requests: retry in 1.5s", "1.5s"),
        ("rate limit: You've hit your session limit · resets 3:10pm (Europe/Berlin)", "6h 40m"),
        ("rate limit: usage limit reached. Your limit will reset at 8am", "23h 30m"),
        ("You've hit your usage limit; try again at 9:00 AM.", "30m"),
        ("You've hit your usage limit; try again at Nov 21st, 2026 8:30 AM.", "1d"),
        ("weekly limit reached, resets Nov 27 at 8am", "6d 23h 30m"),
        ("5-hour limit reached ∙ resets 15:30", "7h"),
        (f"Claude AI usage limit reached|{int(NOW.timestamp()) + 600}", "10m"),
    ],
)
def test_the_time_of_reset_is_read_from_what_agents_say(words: str, after: str) -> None:
    assert find_limit(words, NOW) == RateLimit(NOW + span(after))


@pytest.mark.parametrize(
    "words",
    [
        "rate limit",
        "rate limit: resets 99:99",
        "rate limit: resets Feb 31 at 3am",
        "rate limit: resets Foo 3 at 3am",
        "You exceeded your current quota (429)",
        "rate limit: try again in 99999999999999999999 days",
        "rate limit: try again in 60 days",
    ],
)
def test_a_limit_without_a_time_that_makes_sense_has_none(words: str) -> None:
    assert find_limit(words, NOW) == RateLimit(None)


def span(text: str) -> timedelta:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return timedelta(seconds=sum(float(part[:-1]) * units[part[-1]] for part in text.split()))
