"""``python -m aios_app.services.container_health ROLE``: whether a container does its work."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aios_app.queue.app import make_app
from aios_app.services.container import FLOWER_PORT, Folders, redis_url
from aios_app.settings import load
from aios_app.stack.unix_http import get_json

_ANSWER_S = 5.0


def worker() -> str:
    """Its node answers from the ledger, its lock is held, and Celery in it answers."""
    status = _status()
    if not status:
        return "the node does not answer"
    if not status["worker"]["is_alive"]:
        return "no worker holds its lock"
    machine = status["machine"]
    app = make_app(redis_url(Folders()))
    name = f"{machine['name']}@{machine['id'][:8]}"
    answers = app.control.ping(destination=[name], timeout=_ANSWER_S)
    return "" if answers else f"Celery of {name} does not answer"


def web() -> str:
    """The service answers from the ledger and lets browsers in."""
    status = _status()
    if not status:
        return "the service does not answer"
    return "" if status["web"]["url"] else str(status["web"]["problem"])


def flower() -> str:
    """It answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{FLOWER_PORT}/healthcheck", timeout=_ANSWER_S):
            return ""
    except OSError as error:
        return f"Flower does not answer: {error}"


def _status() -> dict[str, Any]:
    answer = get_json(load().api_socket, "/api/v1/status")
    return answer if isinstance(answer, dict) and "worker" in answer else {}


_ROLES: Mapping[str, Callable[[], str]] = {"worker": worker, "web": web, "flower": flower}


def main(arguments: Sequence[str]) -> int:
    """0 where all is well; else 1 and a line that says what is not."""
    problem = _ROLES[arguments[0]]()
    if problem:
        sys.stdout.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
