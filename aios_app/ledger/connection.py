"""The connection to Redis and the scripts that run inside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from aios_app.domain.errors import InstanceBusy, LedgerLost, NotLetIn, QueueError

#: Seconds that one command may take before Redis counts as gone.
ANSWER_TIMEOUT_S = 15.0
_NOT_LET_IN = (
    "Redis does not let this machine in: it was removed from its cluster, and joins anew by "
    "aios worker --join TOKEN; or the password in its URL is wrong"
)


def connect(url: str) -> Any:  # noqa: ANN401 - redis-py types answers as bytes or text; these are text
    """A client with text answers; connecting is tried again for about a second, commands are not."""
    retry = Retry(ExponentialBackoff(cap=0.3, base=0.05), 4, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=retry,
    )


@contextmanager
def redis_errors() -> Iterator[None]:
    """Translates redis-py's errors to ours, most specific first."""
    try:
        yield
    except redis.AuthenticationError as error:
        raise NotLetIn(_NOT_LET_IN, str(error)) from error
    except NoPermissionError as error:
        raise QueueError(_NOT_LET_IN, str(error)) from error
    except redis.ResponseError as error:
        raise _refusal(str(error)) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise QueueError(
            "Redis does not answer: aios up where it is, or aios doctor here", str(error)
        ) from error
    except redis.RedisError as error:
        raise QueueError("Redis refused", str(error)) from error


def _refusal(words: str) -> Exception:
    head, _, rest = words.partition(" ")
    if head in {"LOST", "STALE"}:
        return LedgerLost("the ledger was lost or rebuilt: try again")
    if head == "INSTANCE":
        return InstanceBusy(
            "this Redis database belongs to another AIOS: give this one a database of its own, "
            "e.g. AIOS_REDIS_URL=redis://HOST/2, or work for that one: aios worker --broker URL"
        )
    if head == "VERSION":
        return QueueError(f"the ledger in this database has version {rest}: update AIOS")
    return QueueError("Redis refused", words)


class Scripts:
    """The Lua files beside this module, each run as one atomic step."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - of connect()
        folder = resources.files(__package__) / "lua"
        names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".lua")]
        self._scripts = {
            name.removesuffix(".lua"): client.register_script(
                "".join((folder / part).read_text() for part in (*_preludes(name), name))
            )
            for name in names
            if not name.endswith("prelude.lua")
        }

    def run(self, name: str, *args: Any) -> Any:  # noqa: ANN401 - what Redis answers
        with redis_errors():
            return self._scripts[name](args=list(args))


def _preludes(script: str) -> tuple[str, ...]:
    if script == "init.lua":
        return ()
    return ("prelude.lua", "line_prelude.lua") if script.startswith("line_") else ("prelude.lua",)
