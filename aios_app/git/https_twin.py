"""The HTTPS address of a repository that is known by an SSH address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from aios_app.git.runner import ask_program

#: Reading its configuration is all that ssh does here; a ``Match exec`` in it may do more.
_SSH_LIMIT_S = 5.0
_SCHEME = r"(?:ssh|git\+ssh|ssh\+git)://"
_HOST = r"(\[[^]/]*\]|[^]\[:/@]+)"
_URL = re.compile(_SCHEME + r"(?:([^@/]*)@)?" + _HOST + r"(?::\d*)?/(.*)", re.DOTALL)
#: ``host:path``: with a slash before the colon it is a path, with a second colon (``ext::``) a program.
_SHORT = re.compile(r"(?:([^@/:\[]*)@)?" + _HOST + r":(?!:)(.*)", re.DOTALL)
#: In a path as it is; the rest is encoded.
_PLAIN = "/~!$&'()*+,;=:@"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: SSH at the port of HTTPS has a host of its own there.
_SSH_DOORS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}


@dataclass(frozen=True, slots=True)
class _Address:
    user: str
    host: str  #: of IPv6 without brackets
    path: str  #: not encoded


def https_twin(url: str, ssh: Sequence[str] = ("ssh",)) -> str | None:
    """The same repository by HTTPS, None where ``url`` is no SSH address or has none.

    ``ssh`` is asked what host an alias of the person's SSH configuration stands for. User and port are
    SSH's alone.
    """
    address = _parsed(url)
    if address is None:
        return None
    host = _written(_resolved(address, ssh))
    return f"https://{host}/{quote(address.path, safe=_PLAIN)}" if host else None


def _parsed(url: str) -> _Address | None:
    found = _URL.fullmatch(url) or (None if "://" in url else _SHORT.fullmatch(url))
    if found is None:
        return None
    user, host, path = found[1] or "", found[2], found[3].lstrip("/")
    if found.re is _URL:
        path = unquote(path)
    elif inner := re.fullmatch(r"\[(?:([^@]*)@)?([^]:]+):\d+\]", host):  # [host:port]:path
        user, host = inner[1] or user, inner[2]
    is_plain = bool(path) and path.isprintable() and not path.startswith("~") and ".." not in path.split("/")
    host = host.strip("[]")
    return _Address(user, host, path) if is_plain and _written(host) and _is_user(user) else None


def _is_user(word: str) -> bool:
    return not word or _NAME.fullmatch(word.partition(":")[0]) is not None


def _written(host: str) -> str:
    """As it stands in an address; empty for what is no host, such as an option."""
    if ":" not in host:
        return host if _NAME.fullmatch(host) else ""
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return ""
    return "" if address.scope_id else f"[{address}]"


def _resolved(address: _Address, ssh: Sequence[str]) -> str:
    name = f"{address.user.partition(':')[0]}@{address.host}" if address.user else address.host
    said = ask_program([*ssh, "-G", name], timeout_s=_SSH_LIMIT_S)
    found = re.search(r"^hostname (\S+)$", said, re.MULTILINE)
    host = found[1] if found else address.host
    return _SSH_DOORS.get(host, host)
