"""The home of a container: the person's own folders of agents, and what makes a login of an API key.

Nothing that is in the home already is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: By these letters at its end Claude Code knows a key again that its person has agreed to use.
_CLAUDE_KEY_LETTERS = 20


def prepare_home(home: Path, *, logins: Path, given: Path) -> None:
    """Makes the home: links to ``logins``, logins by the keys in ``given``, and who commits."""
    home.mkdir(mode=0o700, exist_ok=True)
    for mounted in sorted(logins.iterdir()) if logins.is_dir() else []:
        place = home / mounted.name
        if not place.exists() and not place.is_symlink():
            place.symlink_to(mounted)
    for name, (file, settings) in _BY_KEY.items():
        key = _key(given / name)
        if key:
            _write(home / file, json.dumps(settings(key)))
    _write_identity(home)


def _key(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeError):
        return ""


def _write(path: Path, text: str) -> None:
    """Where there is none yet. A folder that is mounted is the person's own: nothing is added to it."""
    if path.parent.is_symlink():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)


def _write_identity(home: Path) -> None:
    name, address = (os.environ.get(f"AIOS_GIT_{word}", "") for word in ("NAME", "EMAIL"))
    if name and address:
        _write(home / ".gitconfig", f"[user]\n\tname = {json.dumps(name)}\n\temail = {json.dumps(address)}\n")


def _codex(key: str) -> dict[str, Any]:
    return {"auth_mode": "apikey", "OPENAI_API_KEY": key}


def _claude(key: str) -> dict[str, Any]:
    approved = [key[-_CLAUDE_KEY_LETTERS:]]
    return {"hasCompletedOnboarding": True, "customApiKeyResponses": {"approved": approved, "rejected": []}}


def _gemini(key: str) -> dict[str, Any]:  # noqa: ARG001 - it takes the key from its environment
    return {"security": {"auth": {"selectedType": "gemini-api-key"}}}


#: Of each secret: the file in which its agent looks for a login, and what stands there.
_BY_KEY: Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "OPENAI_API_KEY": (".codex/auth.json", _codex),
    "ANTHROPIC_API_KEY": (".claude.json", _claude),
    "GEMINI_API_KEY": (".gemini/settings.json", _gemini),
}
