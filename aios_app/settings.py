"""This process's settings: default, ``cluster.json``, ``AIOS_*`` environment, which nothing else reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: The kernel's limit for the path of a Unix socket is 108 bytes with its closing NUL.
MAX_SOCKET_PATH_BYTES = 107
#: Where other machines reach an embedded server.
RELAY_PORT = 7680
_LONGEST_SOCKET_NAME = "/supervisor.sock.123456"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where this instance lives. One data directory is one AIOS."""

    data_dir: Path
    config_dir: Path
    runtime_dir: Path  #: holds the sockets; the data directory, unless its path is too long for them
    home: Path
    data_home: Path  #: the person's, of all programs: ``~/.local/share``
    config_home: Path  #: the same for configuration: ``~/.config``
    shell: str
    redis_url: str | None = None  #: None: the embedded server
    is_member: bool = False  #: it works for a cluster whose Redis is not its own
    has_worker: bool = True  #: False: for browsers and commands alone, in a cluster whose jobs run elsewhere
    listen: str = ""  #: the address at which other machines reach this one; empty: they do not
    relay_port: int = RELAY_PORT  #: where they reach the embedded server
    log_level: str = "INFO"
    is_default: bool = False  #: of the data directory that is taken where none is named

    @property
    def database(self) -> Path:
        return self.data_dir / "aios.db"

    @property
    def programs_dir(self) -> Path:
        """AIOS's own releases: of the person, for all of their instances."""
        return self.home / ".local/lib/aios"

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def jobs_dir(self) -> Path:
        """One directory per job, named by its number: its record, launch files and logs."""
        return self.data_dir / "jobs"

    @property
    def worktrees_dir(self) -> Path:
        """The default of the setting ``worktrees_dir``."""
        return self.data_dir / "worktrees"

    @property
    def clones_dir(self) -> Path:
        """One bare repository for each project that this machine cloned by its address."""
        return self.data_dir / "clones"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """Lock and pid files of the stack's programs."""
        return self.data_dir / "run"

    @property
    def web_address_file(self) -> Path:
        """Where browsers find this instance, or why they do not."""
        return self.run_dir / "web.address"

    @property
    def locks_dir(self) -> Path:
        return self.data_dir / "locks"

    @property
    def redis_dir(self) -> Path:
        return self.data_dir / "redis"

    @property
    def cluster_file(self) -> Path:
        """Of a machine with others beside it: where their ledger is, and where they find this one."""
        return self.data_dir / "cluster.json"

    @property
    def cluster_dir(self) -> Path:
        """Certificates, and the users of an embedded server that is open to other machines."""
        return self.data_dir / "cluster"

    @property
    def redis_password(self) -> str:
        """Of the embedded server; empty as long as no other machine was ever to reach it."""
        try:
            return (self.cluster_dir / "password").read_text()
        except FileNotFoundError:
            return ""

    @property
    def tmux_socket(self) -> Path:
        return self.runtime_dir / "tmux.sock"

    @property
    def redis_socket(self) -> Path:
        return self.runtime_dir / "redis.sock"

    @property
    def api_socket(self) -> Path:
        return self.runtime_dir / "api.sock"

    @property
    def flower_socket(self) -> Path:
        return self.runtime_dir / "flower.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.runtime_dir / "supervisor.sock"

    def environment(self) -> dict[str, str]:
        """The ``AIOS_*`` variables that give a child process the same settings."""
        values = {
            "AIOS_DATA_DIR": str(self.data_dir),
            "AIOS_CONFIG_DIR": str(self.config_dir),
            "AIOS_LOG_LEVEL": self.log_level,
        }
        others = {"AIOS_REDIS_URL": "" if self.is_member else self.redis_url, "AIOS_LISTEN": self.listen}
        return values | {name: value for name, value in others.items() if value}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that ``environ`` (default: the process's own) asks for. Changes nothing on disk."""
    env = os.environ if environ is None else environ
    home = Path(env.get("HOME") or Path.home())
    data_home = _xdg(env, "XDG_DATA_HOME", home / ".local/share")
    config_home = _xdg(env, "XDG_CONFIG_HOME", home / ".config")
    usual = _absolute(data_home / "aios")
    data_dir = _absolute(Path(env["AIOS_DATA_DIR"])) if env.get("AIOS_DATA_DIR") else usual
    cluster = _read_cluster(data_dir)
    return Settings(
        data_dir=data_dir,
        config_dir=Path(env.get("AIOS_CONFIG_DIR") or config_home / "aios"),
        runtime_dir=_runtime_dir(data_dir, env),
        home=home,
        data_home=data_home,
        config_home=config_home,
        shell=env.get("SHELL") or "/bin/sh",
        redis_url=cluster.get("redis_url") or env.get("AIOS_REDIS_URL") or None,
        is_member=bool(cluster.get("redis_url")),
        has_worker=cluster.get("worker") != "off",
        listen=env.get("AIOS_LISTEN") or cluster.get("listen", ""),
        relay_port=int(cluster.get("relay_port") or RELAY_PORT),
        log_level=env.get("AIOS_LOG_LEVEL", "INFO").upper(),
        is_default=data_dir == usual,
    )


def _read_cluster(data_dir: Path) -> dict[str, str]:
    """What ``cluster.json`` says; the certificate that its Redis must show is named in the URL."""
    try:
        text = (data_dir / "cluster.json").read_text()
    except OSError:
        return {}
    import json  # noqa: PLC0415 - most have no other machine

    try:
        found = {str(name): str(value) for name, value in json.loads(text).items()}
        int(found.get("relay_port") or 0)
    except (ValueError, AttributeError):
        return {}
    authority = data_dir / "cluster" / "authority.pem"
    if found.get("redis_url", "").startswith("rediss:") and authority.exists():
        from urllib.parse import quote  # noqa: PLC0415 - the same

        # redis-py also believes the authorities that the system does: the name must be right, too.
        tls = "ssl_cert_reqs=required&ssl_check_hostname=true&ssl_ca_certs="
        found["redis_url"] += f"?{tls}{quote(str(authority), safe='')}"
    return found


def is_inside_agent(environ: Mapping[str, str] | None = None) -> bool:
    """Whether this process was started by an agent of AIOS."""
    return "AIOS_ATTEMPT" in (os.environ if environ is None else environ)


def is_in_service(environ: Mapping[str, str] | None = None) -> bool:
    """Whether systemd started this process, or what started it, as a part of a service."""
    return bool((os.environ if environ is None else environ).get("INVOCATION_ID"))


def environment_without(*prefixes: str) -> dict[str, str]:
    """A copy of this process's environment without the variables whose names begin so, for a child."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the person's links


def _xdg(env: Mapping[str, str], name: str, default: Path) -> Path:
    value = env.get(name, "")
    return Path(value) if value.startswith("/") else default


def _runtime_dir(data_dir: Path, env: Mapping[str, str]) -> Path:
    if len(os.fsencode(data_dir)) + len(_LONGEST_SOCKET_NAME) <= MAX_SOCKET_PATH_BYTES:
        return data_dir
    import hashlib  # noqa: PLC0415 - rare, and slow to load for every command

    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    base = env.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - made 0700 and checked for its owner before use
    return Path(base) / f"aios-{os.getuid()}-{digest}"
