"""Names that AIOS gives. They go one way: a name is never parsed back."""

from __future__ import annotations

import re
import unicodedata

_PROJECT_CHARS = 30
_NAME_CHARS = 64
_SLUG_CHARS = 40


def job_name(*, project: str, agent: str, stamp: str, source: str, instance: int, number: int) -> str:
    """The name of a job's worktree directory and tmux session: ``[A-Za-z0-9_-]``, at most 64 characters.

    ``stamp`` is local time as ``YYYYMMDD-HHMMSS``. The job's number makes the name unique.
    """
    tail = f"-{stamp}-{source}-{instance}-j{number}"
    head = f"{_safe(project)[:_PROJECT_CHARS]}-{_safe(agent)}"
    return head[: _NAME_CHARS - len(tail)] + tail


def branch_name(number: int, prompt: str) -> str:
    """``aios/7-fix-the-login-redirect``: legal for git whatever the prompt holds."""
    slug = _plain(title_of(prompt)).lower().strip("-_")[:_SLUG_CHARS].rstrip("-_")
    return f"aios/{number}-{slug}" if slug else f"aios/{number}"


def title_of(prompt: str) -> str:
    """The first line of the prompt that says something, without control characters."""
    line = next((line for line in prompt.splitlines() if line.strip()), "")
    return "".join(ch for ch in line.strip()[:200] if unicodedata.category(ch)[0] != "C")


def _safe(text: str) -> str:
    return _plain(text) or "x"


def _plain(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9_]+", "-", ascii_text)).strip("-")


def port_block(number: int) -> int:
    """The first of the ten ports that belong to this job; no other of 2,200 jobs in a row has them."""
    return 10_000 + 10 * (number % 2_200)
