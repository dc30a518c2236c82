"""Supervisord of one instance: its program table, its start, and what it is told afterwards.

No path stands in its configuration file: that language has no way to quote ``;`` or ``#``, and expands
``%`` once or twice depending on the option. Commands and the socket come by its environment, log files
are named relative to the data directory, which is its working directory.
"""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeAlias

from aios_app.domain.errors import StackError
from aios_app.settings import Settings, environment_without
from aios_app.stack.locks import is_held, lock_within, open_lock
from aios_app.stack.processes import PYTHON, record
from aios_app.stack.redis_server import Engine
from aios_app.stack.unix_http import UnixTransport

NAME = "supervisor"
#: A terminal in a browser costs the web node two descriptors.
_WANTED_DESCRIPTORS = 8192
_RPC_TIMEOUT_S = 5.0
#: What git gives to its hooks: a stack started from one would take its repository for everybody's.
_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
#: Others only look whether the lock is held; that takes no longer.
_LOCK_WAIT_S = 1.0

_HEAD = """\
[supervisord]
logfile=logs/supervisor.log
logfile_maxbytes=1MB
logfile_backups=2
pidfile=run/supervisord.pid
umask=077
minfds={descriptors}

[unix_http_server]
file=%(ENV_AIOS_STACK_SOCKET)s
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

#: A program that ends at once is tried for half an hour, with growing pauses: a full disk may be cleared.
_PROGRAM = """
[program:{name}]
command=%(ENV_AIOS_STACK_COMMAND_{upper})s
priority={priority}
autorestart=true
startretries=60
stopwaitsecs={stop_wait_s}
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=3
"""


#: What the supervisor says of its programs, in its own words.
Infos: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of the stack. Low priorities are started first and stopped last."""

    name: str
    argv: tuple[str, ...]
    priority: int
    stop_wait_s: int = 10
    after: Path | None = None  #: a Redis socket that must answer before the program begins


def python_program(settings: Settings, module: str, *, name: str, priority: int, stop_wait_s: int) -> Program:
    """A program that is a Python module; with an embedded Redis it begins once that answers."""
    return Program(
        name=name,
        argv=(PYTHON, "-P", "-m", module),
        priority=priority,
        stop_wait_s=stop_wait_s,
        after=None if settings.redis_url else settings.redis_socket,
    )


def default_programs(settings: Settings, engine: Engine | None) -> list[Program]:
    """Redis where it is embedded (``engine`` given) and its relay, the worker where one is, the web node."""
    redis = [redis_program(settings, engine)] if engine else []
    if engine and settings.listen:
        relay = python_program(settings, "aios_app.stack.relay", name="relay", priority=15, stop_wait_s=5)
        redis.append(relay)
    worker = python_program(settings, "workers", name="worker", priority=20, stop_wait_s=10)
    web = python_program(settings, "web", name="web", priority=30, stop_wait_s=5)
    return [*redis, *([worker] if settings.has_worker else []), web]


def redis_program(settings: Settings, engine: Engine) -> Program:
    """The embedded server; its configuration must have been written."""
    argv = (str(engine.path), str(settings.redis_dir / "server.conf"))
    return Program(name="redis", argv=argv, priority=10)


def is_supervised(settings: Settings) -> bool:
    """Whether the supervisor of this instance lives."""
    return is_held(settings.run_dir / f"{NAME}.lock")


def launch(settings: Settings, programs: Sequence[Program], *, deadline_s: float) -> None:
    """Starts a supervisor in the background; it listens when this returns. ``StackError`` says why not."""
    config = settings.run_dir / "supervisord.conf"
    config.write_text(_config(programs))
    set_interpreter(settings, Path(sys.executable))
    argv = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(config)]
    lock = open_lock(settings.run_dir / f"{NAME}.lock")
    try:
        if not lock_within(lock, _LOCK_WAIT_S):
            raise StackError(f"a supervisor of {settings.data_dir} runs already: aios down ends it")
        done = subprocess.run(
            argv,
            cwd=settings.data_dir,
            env=_environment(settings, programs),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[lock],
            umask=0o077,
            timeout=deadline_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"supervisord did not start: {error}") from error
    finally:
        os.close(lock)
    if done.returncode:
        raise StackError("supervisord did not start", done.stderr.decode(errors="replace"))
    _write_record(settings, argv)


def set_interpreter(settings: Settings, python: Path) -> None:
    """With which Python, so with which release of AIOS, programs run that are started from now on.

    The supervisor knows the path of this script alone: its own commands stay what they were when it began.
    """
    script = settings.run_dir / PYTHON
    fresh = script.with_suffix(f".{os.getpid()}")
    fresh.write_text(f'exec {shlex.quote(str(python))} "$@"\n')
    fresh.replace(script)


def interpreter(settings: Settings) -> Path | None:
    """What ``set_interpreter`` set last; None before."""
    try:
        return Path(shlex.split((settings.run_dir / PYTHON).read_text())[1])
    except (OSError, ValueError, IndexError):
        return None


class Supervisor:
    """What the running supervisor is asked and told; raises ``StackError`` where it does not answer."""

    def __init__(self, settings: Settings, *, timeout_s: float = _RPC_TIMEOUT_S) -> None:
        self._socket = settings.supervisor_socket
        self._timeout_s = timeout_s

    def pid(self) -> int:
        return int(self._call("getPID") or 0)

    def infos(self) -> Infos:
        """One for each program: ``name``, ``statename``, ``pid``, ``start`` and more."""
        return list(self._call("getAllProcessInfo") or ())

    def start(self, name: str) -> None:
        """Begins a start that may still fail; no harm where the program runs already."""
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Returns when the program has ended, in whatever way it took."""
        self._call("stopProcess", name, True)

    def shutdown(self) -> None:
        self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - the protocol has no types
        transport = UnixTransport(self._socket, self._timeout_s)
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault:
            return None  # it is so already: started, not running, or the supervisor is shutting down
        except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
            raise StackError(f"no supervisor answers on {self._socket} ({error}): aios down") from error


def _config(programs: Sequence[Program]) -> str:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    descriptors = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    sections = [
        _PROGRAM.format(name=p.name, upper=p.name.upper(), priority=p.priority, stop_wait_s=p.stop_wait_s)
        for p in programs
    ]
    return _HEAD.format(descriptors=descriptors) + "".join(sections)


def _environment(settings: Settings, programs: Sequence[Program]) -> dict[str, str]:
    python = settings.run_dir / PYTHON
    commands = {f"AIOS_STACK_COMMAND_{p.name.upper()}": shlex.join(_guarded(p, python)) for p in programs}
    own = {"AIOS_STACK_SOCKET": str(settings.supervisor_socket)} | commands
    return environment_without("AIOS_", "SUPERVISOR_", *_REPOSITORY) | settings.environment() | own


def _guarded(program: Program, python: Path) -> list[str]:
    after = ["--after", str(program.after)] if program.after else []
    guard = ["/bin/sh", str(python), "-P", "-m", "aios_app.stack.guard", program.name, *after, "--"]
    return [*guard, *program.argv]


def _write_record(settings: Settings, argv: Sequence[str]) -> None:
    written = record(NAME, Supervisor(settings).pid(), argv)
    if written is not None:
        written.write(settings.run_dir)
