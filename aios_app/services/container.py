"""``python -m aios_app.services.container ROLE``: what each container of ``docker-compose.yml`` runs.

``keys`` makes the secrets that nobody gave, and ends. ``worker``, ``web`` and ``flower`` become that program.
Each worker and the web node claim a folder of their volume first: it holds their data and their home, and
the link ``/run/aios/place``, which the image's environment names, leads there.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, urlsplit

from aios_app.agents import DEMO_AGENT
from aios_app.domain.errors import AiosError, StackError
from aios_app.services.container_logins import prepare_home
from aios_app.services.context import open_catalog
from aios_app.services.join_cluster import join_by_url
from aios_app.settings import Settings, load
from aios_app.stack.claim_data import Claim, claim
from aios_app.stack.cluster import write_cluster
from aios_app.stack.directories import prepare_directories

REDIS_PASSWORD, WEB_TOKEN = "redis_password", "web_token"
WEB_PORT, FLOWER_PORT = 7681, 5555
#: Of both: shorter ones could be found by trying.
_LEAST_LETTERS = 32
_MOST_LETTERS = 200

#: Its data stays on the volume whatever happens: nothing is said done before it is on the disk.
_REDIS_CONF = """\
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
tcp-keepalive 15
requirepass {password}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the image has what; tests have another ``root``."""

    root: Path = Path("/")

    @property
    def keys(self) -> Path:
        """The secrets that all services know, on a volume of their own."""
        return self.root / "keys"

    @property
    def data(self) -> Path:
        """The volume of which each container claims a folder."""
        return self.root / "data"

    @property
    def place(self) -> Path:
        """The link to the folder that this container has claimed."""
        return self.root / "run/aios/place"

    @property
    def secrets(self) -> Path:
        """What the person gives by file; an empty file is none."""
        return self.root / "run/secrets"

    @property
    def logins(self) -> Path:
        """The person's own folders of agents, where they are mounted."""
        return self.root / "logins"


def make_keys(folders: Folders) -> None:
    """Takes over the secrets that are given, makes the others once, and writes the configuration of Redis."""
    for name in (REDIS_PASSWORD, WEB_TOKEN):
        given = _checked(name, _text(folders.secrets / name))
        if given or not (folders.keys / name).exists():
            _write(folders.keys / name, given or secrets.token_urlsafe(_LEAST_LETTERS))
    _write(folders.keys / "redis.conf", _REDIS_CONF.format(password=_text(folders.keys / REDIS_PASSWORD)))


def settle(folders: Folders) -> Claim:
    """Claims a folder, leads the link to it and makes its home; the claim ends with this process."""
    claimed = claim(folders.data)
    fresh = folders.place.with_name("place.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(claimed.folder)
    fresh.replace(folders.place)
    prepare_home(claimed.folder / "home", logins=folders.logins, given=folders.secrets)
    return claimed


def environment(claimed: Claim) -> dict[str, str]:
    """Of what works in the claimed folder, named by its true path: git and tmux keep it."""
    own = {"AIOS_DATA_DIR": str(claimed.folder / "aios"), "HOME": str(claimed.folder / "home")}
    return {**os.environ, **own}


def redis_url(folders: Folders) -> str:
    """The Redis of the other container, with its password."""
    password = quote(_text(folders.keys / REDIS_PASSWORD), safe="")
    host = os.environ.get("AIOS_REDIS_HOST", "redis")
    return f"redis://:{password}@{host}:6379/0"


def set_up(settings: Settings, values: Mapping[str, str]) -> None:
    """Gives the instance these settings, and the stand-in agent to try it with."""
    prepare_directories(settings)
    catalog = open_catalog(settings)
    try:
        for key, value in values.items():
            catalog.set(key, value)
        if DEMO_AGENT.key not in {agent.key for agent in catalog.agents()}:
            catalog.put_agent(DEMO_AGENT)
    finally:
        catalog.close()


def _worker(folders: Folders) -> NoReturn:
    claimed = settle(folders)
    settings = load(environment(claimed))
    most = os.environ.get("AIOS_MAX_AGENTS")
    set_up(settings, {"machine_name": f"worker-{claimed.number}"} | ({"max_agents": most} if most else {}))
    join_by_url(settings, redis_url(folders))
    _become(environment(claimed), "aios_app.stack.foreground")


def _web(folders: Folders) -> NoReturn:
    """It steers the cluster and is none of its machines: no job runs here."""
    claimed = settle(folders)
    settings = load(environment(claimed))
    everywhere = "0.0.0.0"  # noqa: S104 - of the container, which publishes one port on loopback
    values = {
        "machine_name": "web",
        "web_address": everywhere,
        "web_port": str(WEB_PORT),
        "web_published": os.environ.get("AIOS_WEB_PORT", str(WEB_PORT)),
        "web_token": _text(folders.keys / WEB_TOKEN),
    }
    set_up(settings, values)
    url = redis_url(folders)
    write_cluster(settings, {"redis_url": url, "cluster": f"{urlsplit(url).hostname}", "worker": "off"})
    _become(environment(claimed), "aios_app.stack.foreground")


def _flower(folders: Folders) -> NoReturn:
    """No secret stands in its arguments, which every process can read."""
    options = {
        "FLOWER_BASIC_AUTH": f"aios:{_text(folders.keys / WEB_TOKEN)}",
        "FLOWER_ADDRESS": "0.0.0.0",  # noqa: S104 - of the container, published on loopback
        "FLOWER_PORT": str(FLOWER_PORT),
        "FLOWER_READ_ONLY": "true",
        "CELERY_BROKER_URL": redis_url(folders),
    }
    _become({**os.environ, **options}, "celery", "flower")


def _become(environ: Mapping[str, str], *words: str) -> NoReturn:
    os.chdir("/")
    os.execve(sys.executable, [sys.executable, "-P", "-m", *words], environ)  # noqa: S606 - no shell is what is wanted


def _checked(name: str, given: str) -> str:
    if given and not (_LEAST_LETTERS <= len(given) <= _MOST_LETTERS and given.isascii() and _is_plain(given)):
        size = f"{_LEAST_LETTERS} to {_MOST_LETTERS}"
        raise StackError(f"the secret {name} must have {size} letters, digits, - and _")
    return given


def _is_plain(given: str) -> bool:
    return given.replace("-", "").replace("_", "").isalnum()


def _text(path: Path) -> str:
    """What is in the file; empty where there is none. ``StackError`` where it must not be read."""
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        raise StackError(f"{path} cannot be read by user {os.getuid()}: {error}") from error


def _write(path: Path, text: str) -> None:
    """For all services of these containers, which are different users."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(path)


ROLES: Mapping[str, Callable[[Folders], None]] = {
    "keys": make_keys,
    "worker": _worker,
    "web": _web,
    "flower": _flower,
}


def main(arguments: Sequence[str]) -> int:
    """Takes the role; the exit status where it does not become another program."""
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.stderr.write(
            f"a container of AIOS is one of: {', '.join(ROLES)}. Commands: docker compose exec\n"
        )
        return 2
    os.umask(0o077)
    try:
        ROLES[arguments[0]](Folders())
    except AiosError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
