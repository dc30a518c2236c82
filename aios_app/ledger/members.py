"""Who may join the cluster, and who may speak to an embedded server."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import redis

from aios_app.domain.machines import client_name
from aios_app.ledger import keys
from aios_app.ledger.connection import redis_errors

#: Milliseconds for which it is remembered that a secret is spent or too old.
_REMEMBERED_MS = 30 * 86_400_000
#: What a machine needs of the server: the keys of AIOS and of its queue, and no administration.
_RULES = (
    "reset",
    "on",
    "allchannels",  # a subscription to a pattern is only allowed where exactly that pattern is
    *(f"~{pattern}" for pattern in ("aios:1:*", "machine.*", "unacked*", "_kombu.*", "*.pidbox*", "celery*")),
    "+@all",
    "-@admin",
    "-@dangerous",
    "-@scripting",
    *("+eval", "+evalsha", "+script|load", "+script|exists", "+info"),
    *(f"+client|{name}" for name in ("id", "list", "setname", "getname", "setinfo", "unblock")),
)


class Members:
    """Secrets that let a machine join once, and the users of the server. Times are those of Redis."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - of connect()
        self._redis = client

    def issue(self, secret: str, for_ms: int) -> int:
        """From now on the secret lets one machine join; until when it does."""
        key = _key(secret)
        with redis_errors():
            expires_ms = self._now_ms() + for_ms
            pipe = self._redis.pipeline(transaction=True)
            pipe.hset(key, "expires_ms", expires_ms)
            pipe.pexpire(key, for_ms + _REMEMBERED_MS)
            pipe.execute()
        return expires_ms

    def spend(self, secret: str, machine: str, *, is_again: bool = True) -> str:
        """Empty where the secret lets this machine join, and no other from now on; else why not.

        ``is_again``: the machine may show what it has used, as the answer may have been lost.
        """
        key = _key(secret)
        with redis_errors():
            expires_ms = self._redis.hget(key, "expires_ms")
            if expires_ms is None:
                return "is of no use in this cluster"
            if int(expires_ms) <= self._now_ms():
                return "has expired"
            if self._redis.hsetnx(key, "machine", machine):
                return ""
            if is_again and self._redis.hget(key, "machine") == machine:
                return ""
        return "was used already"

    def admit(self, machine: str, password: str) -> str:
        """Lets the machine in by this password alone; the name of its user."""
        with redis_errors():
            self._redis.execute_command("ACL", "SETUSER", user_name(machine), *_RULES, f">{password}")
            self._redis.execute_command("ACL", "SAVE")
        return user_name(machine)

    def dismiss(self, machine: str) -> None:
        """The machine's user is no more, and its connections end."""
        with redis_errors():
            self._redis.execute_command("ACL", "DELUSER", user_name(machine))
            self._redis.execute_command("ACL", "SAVE")

    def disconnect(self, machine: str) -> None:
        """Ends the connections of the machine's worker; of a server whose users are not ours."""
        with redis_errors():
            for client in self._redis.client_list():
                if client["name"] == client_name(machine):
                    with contextlib.suppress(redis.ResponseError):  # it is gone already
                        self._redis.client_kill_filter(_id=client["id"])

    def _now_ms(self) -> int:
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000


def user_name(machine: str) -> str:
    """The server's user for this machine."""
    return f"machine-{machine}"


def _key(secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
    return keys.JOIN + digest
