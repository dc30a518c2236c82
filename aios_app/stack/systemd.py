"""The stack as a systemd service of the person, where they want that. Nothing is enabled here.

Agents are not the service's to end: it stops its own programs by ``aios down``, and their tmux server begins
in a scope of its own (``tmux/client.py``).
"""

from __future__ import annotations

import getpass
from pathlib import Path

from aios_app.domain.errors import ConflictError, StackError
from aios_app.settings import Settings
from aios_app.stack.releases import Releases

NAME = "aios.service"
#: What must be typed once the unit is there; the last lets it go on after the person has logged out.
COMMANDS = (
    "systemctl --user daemon-reload",
    "systemctl --user enable --now aios",
    "loginctl enable-linger",
)
#: What makes it this instance; the rest is asked for at each start.
_OWN = ("AIOS_DATA_DIR", "AIOS_CONFIG_DIR", "AIOS_REDIS_URL")
_LINGERING = Path("/var/lib/systemd/linger")
_MARK = "# Written by aios install --systemd; aios uninstall removes it."

_UNIT = """\
{mark}
[Unit]
Description=AIOS, a fleet of coding agents

[Service]
Type=forking
PIDFile={pid_file}
{environment}
# A stack that was started by hand goes over into the service; agents go on meanwhile.
ExecStartPre=-{program} down
ExecStart={program} up
ExecStop={program} down
# Whatever else runs here is an agent's.
KillMode=process
Restart=on-failure
RestartSec=10
TimeoutStartSec=120
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def write_unit(settings: Settings, search_path: str) -> Path:
    """Writes the unit, which starts whatever release is the current one; ``search_path`` is its PATH.

    ``ConflictError`` where there is a unit of that name which is not ours.
    """
    path = unit_path(settings)
    if path.exists() and not _is_ours(path):
        raise ConflictError(f"{path} is not ours: move it away first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(settings, search_path))
        path.chmod(0o600)  # the address of a Redis may hold a password
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}") from error
    return path


def remove_unit(settings: Settings) -> list[Path]:
    """Removes the unit and what enables it; returns them. What runs goes on."""
    path = unit_path(settings)
    wanted = path.parent / "default.target.wants" / NAME
    if not _is_ours(path):
        return []
    found = [one for one in (wanted, path) if one.is_symlink() or one.exists()]
    for one in found:
        one.unlink()
    return found


def unit_path(settings: Settings) -> Path:
    """Where systemd looks for a person's own units."""
    return settings.home / ".config/systemd/user" / NAME


def ends_at_logout(settings: Settings) -> bool:
    """Whether there is a service that systemd ends when the person logs out."""
    return _is_ours(unit_path(settings)) and not (_LINGERING / getpass.getuser()).exists()


def _text(settings: Settings, search_path: str) -> str:
    program = Releases(settings).link / "aios"
    given = settings.environment()
    own = {name: given[name] for name in _OWN if name in given}
    values = {"PATH": search_path, "SHELL": settings.shell} | own
    return _UNIT.format(
        mark=_MARK,
        pid_file=_plain(settings.run_dir / "supervisord.pid"),
        environment="\n".join(f"Environment={_quoted(f'{name}={value}')}" for name, value in values.items()),
        program=_quoted(str(program)),
    )


def _is_ours(path: Path) -> bool:
    try:
        return path.read_text().startswith(_MARK)
    except (OSError, ValueError):
        return False


def _plain(path: Path) -> str:
    """As systemd reads a path: ``%`` begins one of its own words."""
    return str(path).replace("%", "%%")


def _quoted(text: str) -> str:
    """As one word, without anything that systemd would put another thing in the place of."""
    if "\n" in text:
        raise StackError(f"this cannot stand in a unit of systemd: {text!r}")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
