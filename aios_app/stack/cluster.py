"""What makes this machine one of several: ``cluster.json``, and an embedded server with passwords."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from pathlib import Path

from aios_app.domain.errors import MachineRemoved, UsageError
from aios_app.settings import RELAY_PORT, Settings
from aios_app.stack.directories import make_private

#: In ``cluster.json`` of a machine that has learned that it was removed.
REMOVED = "removed"
_PLACE = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_EVERYWHERE = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104 - refused


def listen_at(settings: Settings, place: str) -> None:
    """Opens this machine to others at ``place``, ``ADDRESS`` or ``ADDRESS:PORT``; ``off`` closes it.

    The stack must be down: from its next start on an embedded server wants passwords. Raises ``StackError``,
    and changes nothing, where another program listens there.
    """
    values = _wanted(settings, place)
    if settings.redis_url is None and place != "off":
        from aios_app.stack.relay import listening_socket  # noqa: PLC0415 - takes longer than all the rest

        listening_socket(*parse_place(place)).close()
        _ask_for_passwords(settings)
    write_cluster(settings, values)


def is_as_wanted(settings: Settings, place: str) -> bool:
    """Whether ``listen_at`` would change nothing; raises ``UsageError`` where ``place`` is no address."""
    return _wanted(settings, place) == read_cluster(settings)


def _wanted(settings: Settings, place: str) -> dict[str, str]:
    known = read_cluster(settings).items()
    values = {name: value for name, value in known if name not in {"listen", "relay_port"}}
    if place != "off":
        address, port = parse_place(place)
        values |= {"listen": address} | ({"relay_port": str(port)} if port != RELAY_PORT else {})
    return values


def parse_place(place: str) -> tuple[str, int]:
    """The address and the port in ``ADDRESS[:PORT]``; an address of IPv6 with a port stands in brackets."""
    is_bare_v6 = place.count(":") > 1 and not place.startswith("[")
    match = _PLACE.fullmatch(f"[{place}]" if is_bare_v6 else place)
    port = int(match["port"] or RELAY_PORT) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise UsageError(f"{place!r} is no address: ADDRESS or ADDRESS:PORT, e.g. 10.0.0.5")
    address = match["host"].strip("[]")
    if address in _EVERYWHERE:
        raise UsageError(f"{address} is no address that others can go to: name the one of this machine")
    return address, port


def read_cluster(settings: Settings) -> dict[str, str]:
    """What ``cluster.json`` says, as it is written."""
    try:
        return {
            str(name): str(value) for name, value in json.loads(settings.cluster_file.read_text()).items()
        }
    except (OSError, ValueError, AttributeError):
        return {}


def write_cluster(settings: Settings, values: dict[str, str]) -> None:
    """Writes ``cluster.json``, or removes it where it would be empty."""
    if values:
        _write(settings.cluster_file, json.dumps(values, indent=1))
    else:
        settings.cluster_file.unlink(missing_ok=True)


def has_members(settings: Settings) -> bool:
    """Whether machines have joined the embedded server of this one, and were not removed."""
    try:
        users = (settings.cluster_dir / "users.acl").read_text().splitlines()
    except FileNotFoundError:
        return False
    return any(not user.startswith("user default ") for user in users)


def note_removed(settings: Settings) -> None:
    """The cluster of these settings has said that this machine is none of it; it may have joined anew."""
    known = read_cluster(settings)
    if (settings.redis_url or "").startswith(known.get("redis_url", "")):
        write_cluster(settings, known | {REMOVED: "yes"})


def check_not_removed(settings: Settings) -> None:
    """Raises ``MachineRemoved`` where ``note_removed`` was called."""
    if REMOVED in read_cluster(settings):
        raise MachineRemoved(
            "this machine was removed from its cluster: aios worker --join TOKEN joins anew; to work alone, "
            f"remove {settings.cluster_file}"
        )


def write_authority(settings: Settings, pem: str) -> None:
    """Keeps the certificate by which this machine knows the Redis of its cluster."""
    make_private(settings.cluster_dir)
    _write(settings.cluster_dir / "authority.pem", pem)


def forget_authority(settings: Settings) -> None:
    """The Redis that comes now is known as any other server is, or by what its URL says."""
    (settings.cluster_dir / "authority.pem").unlink(missing_ok=True)


def _ask_for_passwords(settings: Settings) -> None:
    """From its next start on the embedded server knows nobody without one."""
    make_private(settings.cluster_dir)
    if settings.redis_password:
        return
    password = secrets.token_urlsafe(32)
    digest = hashlib.sha256(password.encode()).hexdigest()
    _write(settings.cluster_dir / "users.acl", f"user default on #{digest} ~* &* +@all\n")
    _write(settings.cluster_dir / "password", password)


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
