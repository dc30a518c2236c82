"""The catalogue of the cluster as Redis has it: rows as JSON, and a count of their changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aios_app.domain.catalogue import Row, is_known
from aios_app.ledger import keys
from aios_app.ledger.connection import redis_errors


class Catalogue:
    """What every machine of the cluster knows of projects, agents, prompts and settings."""

    def __init__(self, client: Any, run: Callable[..., Any]) -> None:  # noqa: ANN401 - of connect()
        self._redis = client
        self._run = run

    def rev(self) -> int:
        """How many changes there were; 0: nobody has put anything in."""
        with redis_errors():
            return int(self._redis.get(keys.CATALOG_REV) or 0)

    def rows(self) -> tuple[int, dict[str, Row]]:
        """The count of changes, and with it all rows that this version of AIOS knows how to keep."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(keys.CATALOG_REV)
            pipe.hgetall(keys.CATALOG)
            rev, found = pipe.execute()
        rows = {name: row for name, text in found.items() if (row := _row(name, text))}
        return int(rev or 0), rows

    def put(self, rows: Mapping[str, Row], *, rev: int) -> bool:
        """Writes the rows if the count of changes is still ``rev``; else writes nothing and says False."""
        pairs = [
            text
            for name, row in rows.items()
            for text in (name, json.dumps({"rev": row.rev, "data": row.data}))
        ]
        return bool(self._run("catalog_put", rev, *pairs))


def _row(name: str, text: str) -> Row | None:
    try:
        found = json.loads(text)
        row = Row(rev=int(found["rev"]), data=found["data"])
    except (ValueError, KeyError, TypeError):
        return None
    return row if is_known(name, row) else None
