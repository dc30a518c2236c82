"""``aios doctor``: what this machine lacks, and the command that mends it. Changes nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from aios_app.domain.errors import StackError
from aios_app.settings import Settings
from aios_app.stack.address import check_outside_redis
from aios_app.stack.directories import why_not_private
from aios_app.stack.install import path_advice
from aios_app.stack.login_shell import API_KEYS, login_environment
from aios_app.stack.redis_server import find_engine
from aios_app.stack.releases import Releases
from aios_app.stack.states import programs
from aios_app.stack.systemd import ends_at_logout
from aios_app.stack.unix_http import get_json

_PROGRAM_TIMEOUT_S = 5.0
_GIB = 1024**3
_MIN_FREE_DISK = 2 * _GIB
#: Measured for an open agent at its prompt: 235 to 315 MB.
_AGENT_MEMORY = 315 * 1024**2
_INOTIFY = {"max_user_watches": 8192, "max_user_instances": 128}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. ``ok`` is None where it is neither good nor bad; ``mend`` is a command, or empty."""

    name: str
    ok: bool | None
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProgram:
    """An agent's program, and what it needs beside being installed.

    ``needs`` is given the login shell's environment; it yields ``ok``, ``says`` and ``mend`` of each need.
    """

    program: str
    install: str = ""  #: the command
    tried: str = ""  #: beginning of the versions that AIOS is tested with; empty: of any
    needs: Callable[[Mapping[str, str]], Iterable[tuple[bool | None, str, str]]] = lambda _: ()


def checks(
    settings: Settings, *, agents: Mapping[str, AgentProgram] | None = None, shell_deadline_s: float = 5.0
) -> list[Check]:
    """All findings, in the order of reading."""
    login = login_environment(settings, deadline_s=shell_deadline_s)
    return [
        Check(name="python", ok=True, says=platform.python_version()),
        _version_check("git", ["git", "--version"], (2, 34)),
        *_identity(settings),
        _version_check("tmux", ["tmux", "-V"], (3, 2)),
        _redis(settings),
        _data_dir(settings),
        _disk(settings),
        *_inotify(),
        _memory(),
        _stack(settings),
        *_browsers(settings),
        *_update(settings),
        *_service(settings),
        _path(settings, login),
        _login_shell(settings, login),
        *_agents(agents or {}, login),
    ]


def agent_checks(settings: Settings, agents: Mapping[str, AgentProgram]) -> list[Check]:
    """Of these agents alone: whether each is installed, and what it needs."""
    return list(_agents(agents, login_environment(settings)))


def _version_check(name: str, argv: list[str], least: tuple[int, int]) -> Check:
    mend = f"sudo apt-get install {name}"
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROGRAM_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return Check(name=name, ok=False, says="not installed", mend=mend)
    words = done.stdout.decode(errors="replace").strip()
    match = re.search(r"(\d+)\.(\d+)", words)
    if match is None or (int(match[1]), int(match[2])) < least:
        return Check(
            name=name, ok=False, says=f"{words}: too old, {least[0]}.{least[1]} is needed", mend=mend
        )
    return Check(name=name, ok=True, says=words)


def _identity(settings: Settings) -> Iterator[Check]:
    """Only said where it is missing: agents may set one of their own, landings cannot."""
    argv = ["git", "var", "GIT_COMMITTER_IDENT"]
    try:
        done = subprocess.run(
            argv, cwd="/", env=os.environ | {"HOME": str(settings.home)}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=_PROGRAM_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode:
        says = "git does not know who commits: landings fail"
        mend = "git config --global user.name NAME; git config --global user.email ADDRESS"
        yield Check(name="commits", ok=None, says=says, mend=mend)


def _redis(settings: Settings) -> Check:
    if settings.redis_url:
        return _outside_redis(settings)
    try:
        engine = find_engine()
    except StackError as error:
        return Check(name="redis", ok=False, says=str(error), mend="sudo apt-get install redis-server")
    return Check(name="redis", ok=True, says=str(engine))


def _outside_redis(settings: Settings) -> Check:
    try:
        check_outside_redis(settings)
    except StackError as error:
        return Check(name="redis", ok=False, says=str(error))
    whose = "the cluster's" if settings.is_member else "outside, as AIOS_REDIS_URL says"
    return Check(name="redis", ok=True, says=whose)


def _data_dir(settings: Settings) -> Check:
    path = settings.data_dir
    if not path.is_dir():
        return Check(name="data", ok=None, says=f"{path} will be made by aios up")
    problem = why_not_private(path)
    if problem:
        return Check(name="data", ok=False, says=problem, mend=f"chmod 700 {path}")
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check(name="data", ok=mode & 0o077 == 0, says=f"{path}, mode {mode:o}", mend=f"chmod 700 {path}")


def _disk(settings: Settings) -> Check:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(place).free
    says = f"{free / _GIB:.1f} GB free at {place}"
    return Check(name="disk", ok=free >= _MIN_FREE_DISK, says=says, mend=f"make room at {place}")


def _inotify() -> Iterator[Check]:
    for name, least in _INOTIFY.items():
        path = Path("/proc/sys/fs/inotify") / name
        value = int(path.read_text()) if path.exists() else least
        mend = f"sudo sysctl fs.inotify.{name}={least * 4}"
        yield Check(name="inotify", ok=value >= least, says=f"{name} {value}", mend=mend)


def _memory() -> Check:
    free = psutil.virtual_memory().available
    room = free // _AGENT_MEMORY
    says = f"{free / _GIB:.1f} GB free: room for about {room} agents at once"
    return Check(name="memory", ok=room >= 1, says=says, mend="aios config max_agents 1")


def _stack(settings: Settings) -> Check:
    found = programs(settings)
    says = ", ".join(f"{program.name} {program.state}" for program in found) or "down"
    if not found:
        return Check(name="stack", ok=None, says=says, mend="aios up")
    is_well = all(program.state == "running" for program in found)
    return Check(name="stack", ok=is_well, says=says, mend="aios down; aios up")


def _browsers(settings: Settings) -> Iterator[Check]:
    """Whether the service lets them in, where it answers."""
    status = get_json(settings.api_socket, "/api/v1/status")
    web = status.get("web") if isinstance(status, dict) else None
    if isinstance(web, dict) and (web.get("url") or web.get("problem")):
        says = str(web.get("url") or web.get("problem"))
        yield Check(name="browsers", ok=bool(web.get("url")), says=says, mend="aios config web_port PORT")


def _update(settings: Settings) -> Iterator[Check]:
    """What became of the last look for a newer AIOS, where that failed."""
    failure = Releases.failure_line(settings)
    if failure:
        yield Check(name="update", ok=None, says=failure.splitlines()[0], mend="aios update")


def _service(settings: Settings) -> Iterator[Check]:
    """Of a stack that systemd starts: whether it goes on when the person has logged out."""
    if ends_at_logout(settings):
        says = "lingering is off: the stack ends when you log out"
        yield Check(name="service", ok=None, says=says, mend="loginctl enable-linger")


def _path(settings: Settings, login: Mapping[str, str] | None) -> Check:
    folder = settings.home / ".local/bin"
    path = (login or {}).get("PATH", os.pathsep.join(os.get_exec_path()))
    is_there = str(folder) in path.split(os.pathsep)
    found = shutil.which("aios", path=path)
    if found and not is_there:
        return Check(name="path", ok=True, says=f"aios is {found}")
    says = f"{folder} is {'in PATH' if is_there else 'not in the PATH of your login shell'}"
    mend = path_advice(settings) if (folder / "aios").exists() else "aios install"
    return Check(name="path", ok=is_there, says=says, mend=mend)


def _login_shell(settings: Settings, login: Mapping[str, str] | None) -> Check:
    if login is None:
        says = f"{settings.shell} -l -i does not start in time: agents start through it"
        return Check(name="keys", ok=False, says=says, mend=f"time {settings.shell} -l -i -c true")
    keys = [key for key in API_KEYS if key in login]
    return Check(name="keys", ok=None, says=f"agents will see {', '.join(keys) or 'no API keys'}")


def _agents(agents: Mapping[str, AgentProgram], login: Mapping[str, str] | None) -> Iterator[Check]:
    environment = dict(os.environ if login is None else login)
    for name, agent in agents.items():
        found = shutil.which(agent.program, path=environment.get("PATH"))
        if found is None:
            says = f"{agent.program} is not in the PATH of your login shell"
            yield Check(name=name, ok=None, says=says, mend=agent.install)
            continue
        yield _agent_version(name, agent, found, environment)
        for ok, says, mend in agent.needs(environment):
            yield Check(name=name, ok=ok, says=says, mend=mend)


def _agent_version(name: str, agent: AgentProgram, found: str, environment: Mapping[str, str]) -> Check:
    """Only of the programs that AIOS knows: another one may do what it likes when it is asked."""
    if not agent.tried:
        return Check(name=name, ok=True, says=found)
    try:
        done = subprocess.run(
            [found, "--version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROGRAM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Check(name=name, ok=False, says=f"{found} does not say its version", mend=agent.install)
    match = re.search(r"\d+\.\d+[\d.]*", done.stdout.decode(errors="replace"))
    version = match[0] if match else "of an unknown version"
    is_tried = version.startswith(agent.tried)
    says = f"{version} at {found}" + ("" if is_tried else f": not tried with AIOS, {agent.tried} is")
    return Check(name=name, ok=True if is_tried else None, says=says)
