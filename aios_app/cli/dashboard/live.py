"""The screen of the dashboard, kept true by the feed of events: the list, the preview, the prompt."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Container, Vertical
from textual.events import AppFocus, Resize
from textual.message import Message

from aios_app.cli import on_disk
from aios_app.cli.client import Client
from aios_app.cli.dashboard import memory
from aios_app.cli.dashboard.board import Board
from aios_app.cli.dashboard.feed import GATHER_S, Feed, News
from aios_app.cli.dashboard.header import header
from aios_app.cli.dashboard.joblist import JobList
from aios_app.cli.dashboard.keys import hints
from aios_app.cli.dashboard.line import Line
from aios_app.cli.dashboard.preview import Preview
from aios_app.cli.dashboard.prompt import Mode, Prompt
from aios_app.cli.dashboard.strips import plain
from aios_app.cli.dashboard.threads import in_thread
from aios_app.domain.errors import AiosError
from aios_app.settings import Settings

#: Seconds between two looks at the ages in view.
_TICK_S = 1.0
#: From this width on the preview stands beside the list.
_WIDE_CELLS = 150
#: States that are of no use where only what lies on disk is known.
_SETTLED = {"landed", "dropped"}


class Live(App[None]):
    """Lives on the feed of events; between them it does nothing but count the seconds of what is seen."""

    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE_CELLS, "-wide")]  # noqa: RUF012 - Textual's own shape

    class NewsCame(Message):
        """The feed has news, and more of them soon."""

    def __init__(self, client: Client, settings: Settings) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"  # the terminal's own colours, on its own background, dark or light
        self.client = client
        self.board = Board()
        self.problem = ""
        self._left_path = settings.data_dir / "dashboard.json"
        self._feed = Feed(client, settings.api_socket, self._hear_from_thread)
        self._is_greeted = False
        # Kept here, as what comes late finds no widget any more by asking for it.
        self._header, self._columns, self._message = (
            Line(id=name) for name in ("header", "columns", "message")
        )
        self.jobs = JobList(self.board)
        self.preview = Preview(client)
        self.prompt = Prompt(memory.History(settings.data_dir / "prompt_history"))

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="middle"):
            with Vertical(id="list"):
                yield self._columns
                yield self.jobs
            yield self.preview
        yield self.prompt
        yield self._message

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        self.jobs.focus()
        self.tell("")
        self._feed.start()
        self.set_interval(_TICK_S, self.jobs.draw_changes)

    def on_unmount(self) -> None:
        self._feed.stop()
        self.note_left()

    def note_left(self) -> None:
        """Notes that the person leaves now."""
        if self._is_greeted:
            memory.write_left_ms(self._left_path, self.board.now_ms())

    def on_resize(self, _event: Resize) -> None:
        self._draw_frame()

    def on_app_focus(self, _event: AppFocus) -> None:
        self.preview.ask()
        if self.board.machines:  # no event tells when one does not answer any more
            self.attempt(self._look_for_machines())

    def tell(self, text: str, *, is_error: bool = False) -> None:
        """Says a line at the bottom, until the next key; the keys where there is nothing to say."""
        shown = text or self.prompt.hints
        self._message.show(plain(f" {shown}", "bold red" if is_error else "") if shown else hints())

    @property
    def failure(self) -> Exception | None:
        """What ended the application before its time."""
        return self._exception

    def _fatal_error(self) -> None:
        """Leaves; who started the application says why, as of every command."""
        self._close_messages_no_wait()

    def _hear_from_thread(self) -> None:
        self.post_message(self.NewsCame())

    def on_live_news_came(self) -> None:
        self.set_timer(GATHER_S, self._take_news)

    def _take_news(self) -> None:
        news = self._feed.take()
        if news.whole is not None:
            self.board.replace(news.whole)
        self.board.take(news.jobs.values())
        if news.problem is not None:
            self.problem = news.problem
            self._meet_service(news)
        self.redraw()
        if news.whole is not None and not self._is_greeted:
            self._greet()

    def _meet_service(self, news: News) -> None:
        """Shows what lies on disk where the service is away from the beginning."""
        if news.problem and not self.board.jobs:
            self.attempt(self._read_disk())

    def _greet(self) -> None:
        """Says what happened meanwhile, unless the person is at something already."""
        self._is_greeted = True
        left_ms = memory.read_left_ms(self._left_path)
        if self.prompt.mode is Mode.REST:
            self.tell(memory.news_since(left_ms, self.board.jobs.values(), self.board.now_ms()))

    async def _look_for_machines(self) -> None:
        answer = await in_thread(partial(self.client.get, "/jobs?scope=running"))
        self.board.take_machines(answer.get("machines", []))
        self.redraw()

    async def _read_disk(self) -> None:
        answer = await in_thread(on_disk.jobs)
        if not self.board.jobs:
            kept = [job for job in answer["jobs"] if job["state"] not in _SETTLED]
            self.board.replace({**answer, "jobs": kept})
            self.redraw()

    def redraw(self) -> None:
        """Shows the board as it is now."""
        self.jobs.redraw()
        self.preview.watch_job(self.jobs.job)
        self._draw_frame()

    def _draw_frame(self) -> None:
        problem = f"{self.problem}   u: start it" if "is down" in self.problem else self.problem
        self._header.show(header(self.board, problem, self.size.width))
        self._columns.show(self.jobs.columns.heading())

    def on_job_list_selected(self) -> None:
        self.preview.watch_job(self.jobs.job)

    def on_job_list_rearranged(self) -> None:
        self._draw_frame()

    def on_job_list_touched(self) -> None:
        self.tell("")

    def attempt(self, action: Coroutine[Any, Any, None]) -> None:
        """Does it beside the screen; what goes wrong is told."""
        self.run_worker(self._told(action), exit_on_error=True)

    async def _told(self, action: Coroutine[Any, Any, None]) -> None:
        try:
            await action
        except AiosError as error:
            self.tell(str(error).partition("\n")[0], is_error=True)
