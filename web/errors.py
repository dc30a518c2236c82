"""From an exception to what the client is told."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

from aios_app.domain.errors import AiosError

#: ``AiosError.kind`` -> HTTP status.
STATUSES = {"usage": 400, "conflict": 409, "external": 502}


def to_answer(error: BaseException) -> tuple[int, dict[str, Any]]:
    """The status and the answer. Of an unexpected error one line is told; its traceback is for the log.

    What git, a hook or a remote said keeps its lines.
    """
    if isinstance(error, AiosError):
        return STATUSES[error.kind], _answer(error.kind, error, "\n".join(_lines(str(error))))
    if isinstance(error, HTTPError):
        return error.status_code, _answer("usage", error, error.log_message or str(error))
    message = f"unexpected {type(error).__name__}: {error}. The log of web says where"
    return 500, _answer("internal", error, " ".join(_lines(message)))


def _answer(kind: str, error: BaseException, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "type": type(error).__name__, "message": message}}


def _lines(message: str) -> list[str]:
    return [line.strip() for line in message.splitlines() if line.strip()]
