"""What the words of an agent's failure say of a rate limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_LIMITED = re.compile(
    r"rate.?limit|usage limit|(session|weekly|hour|spend(ing)?) limit|limit reached|too many requests|"
    r"\b429\b|resource.?exhausted|exhausted your|quota",
    re.I,
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_SPAN = re.compile(r"\b(?:in|after) ((?:\d+(?:\.\d+)? ?(?:d|h|m|s)[a-z]*[ ,]*(?:and )?)+)", re.I)
_PART = re.compile(r"(\d+(?:\.\d+)?) ?([dhms])", re.I)
_EPOCH = re.compile(r"\b(1[6-9]\d{8}|2\d{9})\b")
_CLOCK = re.compile(
    r"\b(?:at|resets?|until) "
    r"(?:(?P<month>[A-Z][a-z]{2})[a-z]* (?P<day>\d{1,2})(?:st|nd|rd|th)?,?(?: \d{4})?,?(?: at)? )?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?: ?(?P<half>[ap])\.?m)?(?![\d.])",
    re.I,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: A time further off is a misunderstanding.
_LONGEST = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The agent's account may ask no more for now; ``resets`` is None where it was not said until when."""

    resets: datetime | None


def find_limit(words: str, now: datetime) -> RateLimit | None:
    """None where these words tell of another failure. A time of day is one of ``now``'s zone."""
    if not _LIMITED.search(words):
        return None
    resets = _after_span(words, now) or _at_epoch(words, now) or _at_clock(words, now)
    return RateLimit(resets if resets is not None and now < resets <= now + _LONGEST else None)


def _after_span(words: str, now: datetime) -> datetime | None:
    """``try again in 3 days 4 hours``, ``after 2h13m36s``."""
    span = _SPAN.search(words)
    if span is None:
        return None
    seconds = sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(span[1]))
    return now + timedelta(seconds=min(seconds, 1e9))


def _at_epoch(words: str, now: datetime) -> datetime | None:
    found = _EPOCH.search(words)
    return datetime.fromtimestamp(int(found[1]), now.tzinfo) if found else None


def _at_clock(words: str, now: datetime) -> datetime | None:
    """``resets 3:10am``, ``at Nov 21st, 2026 3:10 AM``, ``at 15:00``: when the clock shows it next."""
    found = _CLOCK.search(words)
    if found is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    try:
        at = now.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
        return _on_day(at, found["month"], found["day"], now)
    except ValueError:
        return None


def _on_day(at: datetime, month: str | None, day: str | None, now: datetime) -> datetime:
    if month is None or day is None:
        return at if at > now else at + timedelta(days=1)
    at = at.replace(month=_MONTHS.index(month.lower()) + 1, day=int(day))
    return at if at > now else at.replace(year=at.year + 1)
