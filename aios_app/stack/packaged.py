"""What to type where AIOS is no git checkout but was installed as a package."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import PurePath


def update_command(prefix: str = sys.prefix, direct_url: str | None = None) -> str:
    """The command that updates it, in the words of what installed it."""
    source = _source(_recorded() if direct_url is None else direct_url)
    parts = PurePath(prefix).parts
    if "pipx" in parts:
        return "pipx upgrade aios" if source == "aios" else f"pipx install --force {source}"
    if "uv" in parts and "tools" in parts:
        return "uv tool upgrade aios" if source == "aios" else f"uv tool install --force {source}"
    return f"{shlex.quote(f'{prefix}/bin/python')} -m pip install --upgrade {source}"


def _recorded() -> str:
    try:
        return distribution("aios").read_text("direct_url.json") or ""
    except PackageNotFoundError:
        return ""


def _source(direct_url: str) -> str:
    """Where the package came from, as pip takes it."""
    try:
        record = json.loads(direct_url)
        url = str(record["url"])
    except (ValueError, KeyError, TypeError):
        return "aios"
    return shlex.quote(f"{record['vcs_info']['vcs']}+{url}" if "vcs_info" in record else url)
