"""Answer an agent's question by the person's patterns, unless it is one that only they may answer."""

from __future__ import annotations

from typing import Any

from aios_app.domain.answering import CUT_CHARS, parse_rules, reply_to, why_not_answered
from aios_app.domain.errors import UsageError
from aios_app.domain.models import Job, JobState
from aios_app.services.context import Context
from aios_app.services.send_text import Message, deliver

#: Lines above a question that may say what it is about.
_LINES_BEFORE = 8


def answer_job(ctx: Context, job: Job) -> dict[str, Any]:
    """What came of it: ``is_answered``, the ``reply``, and in ``message`` why there was none.

    Raises ``UsageError`` where the setting ``answers`` has no pattern.
    """
    rules = parse_rules(ctx.catalog.get("answers"))
    if not rules:
        raise UsageError("the setting 'answers' is empty: aios config answers 'proceed? = y'")
    reply, message = _reply(ctx, job, rules)
    if reply is None:
        return {"job": job.to_json(), "is_answered": False, "reply": "", "message": message}
    delivery = deliver(ctx, job, Message(text=reply))
    return {
        "job": delivery.job.to_json(),
        "is_answered": delivery.is_delivered,
        "reply": reply,
        "message": delivery.message,
    }


def _reply(ctx: Context, job: Job, rules: list[tuple[str, str]]) -> tuple[str | None, str]:
    if job.state is not JobState.WAITING or not job.question:
        return None, f"asks nothing: it is {job.state}"
    if len(job.question) >= CUT_CHARS:
        return None, "not answered: the question is too long to be read to its end"
    reply = reply_to(job.question, rules)
    if reply is None:
        return None, "not answered: no pattern is in its question (aios config answers)"
    if why := why_not_answered(job.question, _screen_end(ctx, job)):
        return None, f"not answered, this is for you: {why}"
    return reply, ""


def _screen_end(ctx: Context, job: Job) -> str:
    lines = [line for line in ctx.tmux.capture(job.name).splitlines() if line.strip()]
    return "\n".join(lines[-_LINES_BEFORE:])
