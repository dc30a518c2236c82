"""``python -m workers.join``: joins a cluster as standard input says, in JSON, and answers in JSON.

``{"token": T}`` or ``{"url": U}``, with ``listen`` where the person named an address.
"""

from __future__ import annotations

import json
import sys

from aios_app.domain.errors import AiosError
from aios_app.services.join_cluster import Joined, join_by_token, join_by_url
from aios_app.settings import load


def main() -> int:
    """1 where it could not join; the answer is an ``error`` then."""
    asked = json.load(sys.stdin)
    answer: dict[str, object]
    try:
        joined = _join(asked)
    except AiosError as error:
        answer = {"error": {"kind": error.kind, "message": str(error)}}
    else:
        answer = {"name": joined.name, "cluster": joined.cluster, "note": joined.note}
    sys.stdout.write(json.dumps(answer))
    return int("error" in answer)


def _join(asked: dict[str, str]) -> Joined:
    listen = asked.get("listen", "")
    if "token" in asked:
        return join_by_token(load(), asked["token"], listen=listen)
    return join_by_url(load(), asked["url"], listen=listen)


if __name__ == "__main__":
    sys.exit(main())
