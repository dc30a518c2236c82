"""The dashboard driven by Textual's pilot, against a stand-in for the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.pilot import Pilot

from aios_app.cli import session
from aios_app.cli.client import Client
from aios_app.cli.dashboard.app import Dashboard
from aios_app.settings import Settings
from tests.integration.cli_stand_in import NOW_MS, Json, StandIn

_DEADLINE_S = 8.0
_LOOK_S = 0.02
_PROJECTS = ((0, "shop"), (1, "shoes"))


@dataclass
class Playing:
    """One dashboard, its person's keys, and the programs that got its terminal."""

    app: Dashboard
    pilot: Pilot[None]
    outside: list[tuple[Sequence[str], str]] = field(default_factory=list)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Puts the text into the prompt, which has the keys: quicker than a key for each letter."""
        assert self.app.focused is self.app.prompt.input
        self.app.prompt.input.insert_text_at_cursor(text)
        await self.pilot.pause()

    async def until(self, check: Callable[[], object]) -> None:
        """Waits until that is so."""
        deadline = time.monotonic() + _DEADLINE_S
        while not check():
            assert time.monotonic() < deadline, f"never so:\n{self.screen}"
            await self.pilot.pause(_LOOK_S)

    async def sees(self, text: str) -> None:
        """Waits until the screen shows that."""
        await self.until(lambda: text in self.screen)

    @property
    def screen(self) -> str:
        """What is shown, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def selected(self) -> int:
        job = self.app.jobs.job
        return int(job["number"]) if job else 0

    def words(self) -> list[str]:
        """The words of ``aios`` that ran on the terminal last."""
        argv, _ = self.outside[-1]
        return list(argv[argv.index("aios_app.cli") + 1 :])


def own_instance(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes this process one of the test's instance."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session.settings.cache_clear()
    yield
    session.settings.cache_clear()


def play(
    settings: Settings, scenario: Callable[[Playing], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> None:
    """Opens the dashboard, has the scenario play, and leaves."""
    outside: list[tuple[Sequence[str], str]] = []

    def run(_app: object, argv: Sequence[str], cwd: str, *, pauses: bool, heading: str) -> None:
        outside.append((argv, cwd))

    async def open_it() -> None:
        app = Dashboard(Client(settings.api_socket), settings, "/code", run=run)
        async with app.run_test(size=size) as pilot:
            await scenario(Playing(app, pilot, outside))

    asyncio.run(open_it())


def play_with(
    settings: Settings,
    service: StandIn,
    jobs: Sequence[Json],
    scenario: Callable[[Playing], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    machines: Sequence[Json] = (),
) -> None:
    """The same with these jobs there, once they are shown."""
    serve(service, *jobs, machines=machines)

    async def begin(playing: Playing) -> None:
        await playing.until(lambda: len(playing.app.board.jobs) == len(jobs))
        await scenario(playing)

    play(settings, begin, size)


def serve(service: StandIn, *jobs: Json, machines: Sequence[Json] = ()) -> None:
    """Lets the stand-in answer what a dashboard asks at its start."""
    answer = {"v": 1, "now_ms": NOW_MS + 60_000, "jobs": list(jobs), "machines": list(machines)}
    service.answers["GET /jobs"] = answer
    service.answers["GET /agents"] = {"v": 1, "agents": [{"key": "c", "name": "codex"}]}
    projects = [
        {"number": number, "name": name, "path": f"/{name}", "tags": []} for number, name in _PROJECTS
    ]
    service.answers["GET /projects"] = {"v": 1, "projects": projects}


def asked(service: StandIn, request: str) -> list[Any]:
    """The bodies of all such requests."""
    return [body for name, body in service.requests if name == request]
