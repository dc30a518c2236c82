"""Make this machine one of a cluster: by a token, or by the URL of a Redis of the person's own."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

import aios_app
from aios_app.domain.errors import NotNow, QueueError, StackError, UsageError, error_of_kind
from aios_app.domain.machines import MachineState
from aios_app.domain.models import SETTLED_STATES
from aios_app.ledger import keys
from aios_app.ledger.ledger import Ledger
from aios_app.services.admit_machine import JOIN_PREFIX, free_name
from aios_app.services.context import open_catalog
from aios_app.services.records import read_runs
from aios_app.settings import Settings
from aios_app.stack.address import check_outside_redis, redis_py_url
from aios_app.stack.cluster import (
    REMOVED,
    forget_authority,
    has_members,
    read_cluster,
    write_authority,
    write_cluster,
)
from aios_app.stack.directories import prepare_directories
from aios_app.store.catalog import Catalog

#: Seconds that the other machine has to take a connection, and to answer.
_CONNECT_S = 10.0
_MAX_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Where to go, by which certificate to know it, and the secret that it wants to see."""

    host: str
    port: int
    pin: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What came of it. ``note`` is what a person should know, or empty."""

    name: str
    cluster: str
    note: str = ""


def join_by_token(settings: Settings, text: str, *, listen: str = "") -> Joined:
    """Asks the machine that the token names; from then on this data directory works for that cluster.

    ``listen`` is the address at which others reach this machine; empty: the one by which it goes there.
    """
    token = read_token(text)
    with _own_catalog(settings) as catalog:
        answer, address = _ask(token, _introduction(catalog))
        write_authority(settings, answer.authority)
        _enter(settings, answer.redis_url, answer.id, listen or address)
        _take_name(catalog, answer.name)
        catalog.forget_shared()
    own, other = aios_app.__version__, answer.version
    note = "" if other == own else f"it has AIOS {other}, this machine {own}: update one of them"
    return Joined(name=answer.name, cluster=answer.cluster, note=note)


def join_by_url(settings: Settings, url: str, *, listen: str = "") -> Joined:
    """Works for the ledger in that Redis from now on; it is made where there is none."""
    check_outside_redis(replace(settings, redis_url=url, is_member=False), named_by="--broker")
    with _own_catalog(settings) as catalog:
        machine = catalog.machine_id()
        last_run, last_job = catalog.last_numbers()
        ledger = Ledger(redis_py_url(replace(settings, redis_url=url)))
        try:
            ledger.open(instance="", last_run=last_run, last_job=last_job)
            others = [known.name for known in ledger.machines_known() if known.id != machine]
            name = free_name(catalog.machine_name(), others)
            ledger.registry.write(machine, name=name, state=MachineState.ACTIVE)
        except QueueError as error:
            raise QueueError(f"the Redis of --broker cannot be used: {error}") from error
        finally:
            ledger.close()
        forget_authority(settings)
        _enter(settings, url, f"{urlsplit(url).hostname}", listen or _address_toward(url))
        _take_name(catalog, name)
        catalog.forget_shared()
    return Joined(name=name, cluster="")


def read_token(text: str) -> Token:
    """Raises ``UsageError`` where it is none, or not whole."""
    try:
        encoded = text.strip().removeprefix(JOIN_PREFIX)
        values = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        host, _, port = str(values["node"]).rpartition(":")
        return Token(
            host=host.strip("[]"), port=int(port), pin=str(values["pin"]), secret=str(values["secret"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "that is no join token, or not all of it: aios join-token prints one line"
        ) from error


@contextmanager
def _own_catalog(settings: Settings) -> Iterator[Catalog]:
    """This machine's catalogue; refuses a machine with work of its own, which the cluster would hide."""
    prepare_directories(settings)
    if not settings.is_member:
        _check_no_members(settings)
        _check_no_work(settings)
    with closing(open_catalog(settings)) as catalog:
        yield catalog


def _check_no_members(settings: Settings) -> None:
    if has_members(settings):
        raise NotNow(
            "other machines have joined this one, and would be cut off: aios machines remove takes them out. "
            "Or let it join with another data directory: AIOS_DATA_DIR=..."
        )


def _check_no_work(settings: Settings) -> None:
    states = [job.state for run, _ in read_runs(settings) for job in run.jobs]
    count = sum(state not in SETTLED_STATES for state in states)
    if count:
        raise NotNow(
            f"this machine has {count} jobs of its own that are neither landed nor dropped: aios jobs. Or "
            "let it join with another data directory: AIOS_DATA_DIR=..."
        )


def _introduction(catalog: Catalog) -> dict[str, Any]:
    run, job = catalog.last_numbers()
    return {
        "id": catalog.machine_id(),
        "name": catalog.machine_name(),
        "version": aios_app.__version__,
        "ledger": keys.VERSION,
        "run": run,
        "job": job,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Welcome:
    """What a machine that may join is answered; ``id`` is of the machine that answers."""

    id: str
    name: str
    cluster: str
    version: str
    redis_url: str
    authority: str


def _ask(token: Token, introduction: Mapping[str, Any]) -> tuple[_Welcome, str]:
    """The other machine's answer, and this machine's own address on the way there."""
    place = f"{token.host}:{token.port}"
    body = json.dumps({"secret": token.secret, **introduction})
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # the pin says more than any signature
    with closing(
        http.client.HTTPSConnection(token.host, token.port, timeout=_CONNECT_S, context=tls)
    ) as http_:
        try:
            http_.connect()
            _check_pin(http_.sock, token, place)
            address = str(http_.sock.getsockname()[0])
            http_.request("POST", "/api/v1/join", body, {"Content-Type": "application/json"})
            answer = dict(json.loads(http_.getresponse().read(_MAX_ANSWER)))
        except (OSError, http.client.HTTPException, ValueError, TypeError, RecursionError) as error:
            raise StackError(f"{place} does not answer as a machine of AIOS: {error}") from error
    return _welcome(answer, place), address


def _welcome(answer: Mapping[str, Any], place: str) -> _Welcome:
    try:
        if refusal := answer.get("error"):
            raise error_of_kind(str(refusal["kind"]), str(refusal["message"]), StackError)
        return _Welcome(**{field.name: str(answer[field.name]) for field in fields(_Welcome)})
    except (KeyError, TypeError) as error:
        raise StackError(f"{place} answers what no AIOS of this version says: {error}") from error


def _check_pin(connection: socket.socket, token: Token, place: str) -> None:
    shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    if hashlib.sha256(shown or b"").hexdigest() != token.pin:
        raise StackError(
            f"{place} shows another certificate than the token names: another machine answers there, or it "
            "was set up anew. Nothing was told to it; take a new token"
        )


def _enter(settings: Settings, url: str, cluster: str, listen: str) -> None:
    """From now on this data directory is a machine of that cluster."""
    before = read_cluster(settings)
    if before.get("cluster") != cluster or not settings.is_member:
        _put_records_away(settings)
    place = {"listen": listen} if listen else {}
    kept = {name: value for name, value in before.items() if name != REMOVED}
    write_cluster(settings, kept | {"redis_url": url, "cluster": cluster} | place)


def _put_records_away(settings: Settings) -> None:
    """Their numbers are those of other jobs in the cluster."""
    found = [path for path in (settings.jobs_dir, settings.data_dir / "runs") if path.exists()]
    away = settings.data_dir / f"alone-until-{time.strftime('%Y%m%d-%H%M%S')}"
    for path in found:
        away.mkdir(mode=0o700, exist_ok=True)
        path.rename(away / path.name)


def _take_name(catalog: Catalog, name: str) -> None:
    if name != catalog.machine_name():
        catalog.set("machine_name", name)


def _address_toward(url: str) -> str:
    """The address of this machine on the way to that server; empty where it is on this machine."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        return ""
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            parts.hostname, parts.port or 6379, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as probe:  # sends nothing
            probe.connect(place)
            return str(probe.getsockname()[0])
    except OSError:
        return ""
