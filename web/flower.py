"""Flower, started when somebody asks for it and ended when nobody does any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.netutil import Resolver

from aios_app.domain.errors import StackError
from aios_app.settings import Settings, environment_without
from aios_app.stack.address import redis_url
from aios_app.stack.processes import end_process
from aios_app.stack.states import living

#: Seconds without a request after which it is ended.
IDLE_S = 600.0
_NAME = "flower"
_START_S = 20.0
_PAUSE_S = 0.05
_END_S = 2.0
_MOST_BYTES = 64 * 1024 * 1024


class Flower:
    """The process of one instance. Belongs to the event loop that it is made in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        _end_orphan(settings)
        self._client = AsyncHTTPClient(
            force_instance=True, resolver=_Socket(settings), max_body_size=_MOST_BYTES
        )

    async def ask(self, target: str) -> HTTPResponse:
        """What it answers to a GET, started for that; ``StackError`` where it does not start."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
        self._stay()
        return await self._client.fetch(
            f"http://flower{target}", raise_error=False, follow_redirects=False, decompress_response=True
        )

    async def close(self) -> None:
        """Ends it; it will be started again when it is asked."""
        process, self._process = self._process, None
        if self._idle is not None:
            self._idle.cancel()
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._leave)

    def _leave(self) -> None:
        self._ending = asyncio.create_task(self.close())

    async def _start(self) -> None:
        """By the guard of the stack, which ends what a killed service has left behind."""
        path = self._settings.flower_socket
        path.unlink(missing_ok=True)
        guard = [sys.executable, "-P", "-m", "aios_app.stack.guard", _NAME, "--"]
        words = ["-P", "-m", "celery", "flower", f"--unix-socket={path}", "--url_prefix=flower"]
        # The address of Redis may hold a password: it does not belong into the list of processes.
        environment = (
            environment_without("AIOS_", "CELERY_", "FLOWER_")
            | self._settings.environment()
            | {"CELERY_BROKER_URL": redis_url(self._settings)}
        )
        log = self._settings.logs_dir / "flower.log"
        with log.open("wb") as file:
            self._process = await asyncio.create_subprocess_exec(
                *guard, sys.executable, *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, env=environment,
            )  # fmt: skip
        await self._await_socket(self._process, f"Flower did not start, see {log}")

    async def _await_socket(self, process: asyncio.subprocess.Process, problem: str) -> None:
        give_up = asyncio.get_running_loop().time() + _START_S
        while not _answers(self._settings):
            if process.returncode is not None or asyncio.get_running_loop().time() > give_up:
                raise StackError(problem)
            await asyncio.sleep(_PAUSE_S)


class _Socket(Resolver):
    """Leads every name to Flower's socket."""

    def initialize(self, settings: Settings) -> None:
        self._path = os.fspath(settings.flower_socket)

    async def resolve(self, *_: object, **__: object) -> list[tuple[int, Any]]:
        return [(socket.AF_UNIX, self._path)]


def _end_orphan(settings: Settings) -> None:
    """The process of a service that was killed."""
    for record in living(settings):
        if record.name == _NAME and not record.parent.is_alive:
            end_process(record.process, grace_s=_END_S)


def _answers(settings: Settings) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(os.fspath(settings.flower_socket)) == 0
