"""The application: the list of jobs, the preview and the prompt, and what the keys do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Container, Vertical
from textual.events import AppFocus, Resize
from textual.message import Message

from aios_app.cli import on_disk, output
from aios_app.cli.client import Client, Json
from aios_app.cli.dashboard import memory
from aios_app.cli.dashboard.actions import Actions
from aios_app.cli.dashboard.asking import Question, Reader
from aios_app.cli.dashboard.board import Board
from aios_app.cli.dashboard.completion import Completion
from aios_app.cli.dashboard.editor import editor_argv
from aios_app.cli.dashboard.feed import GATHER_S, Feed, News
from aios_app.cli.dashboard.header import header
from aios_app.cli.dashboard.joblist import JobList
from aios_app.cli.dashboard.keys import help_lines, hints
from aios_app.cli.dashboard.line import Line
from aios_app.cli.dashboard.outside import is_shown_until_left, own_argv, run_aside, run_outside
from aios_app.cli.dashboard.preview import Preview
from aios_app.cli.dashboard.prompt import MARK, Mode, Prompt
from aios_app.cli.dashboard.strips import block, diff, plain
from aios_app.cli.dashboard.threads import in_thread
from aios_app.cli.prompt_line import Outcome, run_line
from aios_app.domain.errors import AiosError
from aios_app.settings import Settings

#: Seconds between two looks at the ages in view: while one counts in seconds, and else.
_TICK_S = 1.0
_SLOW_TICK_S = 15.0
#: From this width on the preview stands beside the list.
_WIDE_CELLS = 150
#: States of today that ``aios jobs`` shows of what is on disk as well.
_SETTLED = {"landed", "dropped"}


class Dashboard(App[None]):
    """Lives on the feed of events; between them it does nothing but count the seconds of what is seen."""

    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE_CELLS, "-wide")]  # noqa: RUF012 - Textual's own shape

    class NewsCame(Message):
        """The feed has news, and more of them soon."""

    def __init__(
        self, client: Client, settings: Settings, cwd: str, run: Callable[..., None] = run_outside
    ) -> None:
        """``cwd`` is the person's directory, ``run`` gives the terminal to a program."""
        super().__init__(ansi_color=True)
        self._run = run
        self._at_prompt = asyncio.Lock()
        self.theme = "ansi-dark"  # the terminal's own colours, on its own background, dark or light
        self.client = client
        self.board = Board()
        self.problem = ""
        self._cwd = cwd
        self._left_path = settings.data_dir / "dashboard.json"
        self._history = memory.History(settings.data_dir / "prompt_history")
        self._completion = Completion()
        self._feed = Feed(client, settings.api_socket, self._hear_from_thread)
        self._actions = Actions(client, self._ask, self.tell)
        self._is_greeted = False
        self._sends_to = 0

    def compose(self) -> ComposeResult:
        yield Line(id="header")
        with Container(id="middle"):
            with Vertical(id="list"):
                yield Line(id="columns")
                yield JobList(self.board)
            yield Preview(self.client)
        yield Prompt(self._history, self._completed)
        yield Line(id="message")

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)
        self.jobs.focus()
        self.tell("")
        self._feed.start()
        self._tick()

    def on_unmount(self) -> None:
        self._feed.stop()
        if self._is_greeted:
            memory.write_left_ms(self._left_path, self.board.now_ms())

    def on_resize(self, _event: Resize) -> None:
        self._draw_frame()

    def on_app_focus(self, _event: AppFocus) -> None:
        self.query_one(Preview).ask()

    @property
    def jobs(self) -> JobList:
        return self.query_one(JobList)

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def tell(self, text: str, *, is_error: bool = False) -> None:
        """Says a line at the bottom, until the next key; the keys where there is nothing to say."""
        line = self.screen_stack[0].query_one("#message", Line)
        line.show(plain(f" {text}", "bold red" if is_error else "") if text else hints())

    @property
    def failure(self) -> Exception | None:
        """What ended the application before its time."""
        return self._exception

    def _fatal_error(self) -> None:
        """Leaves; who started the application says why, as of every command."""
        self._close_messages_no_wait()

    # What comes

    def _hear_from_thread(self) -> None:
        self.post_message(self.NewsCame())

    def on_dashboard_news_came(self) -> None:
        self.set_timer(GATHER_S, self._take_news)

    def _take_news(self) -> None:
        news = self._feed.take()
        if news.whole is not None:
            self.board.replace(news.whole)
        self.board.take(news.jobs.values())
        if news.problem is not None:
            self.problem = news.problem
            self._meet_service(news)
        self._redraw()
        if news.whole is not None and not self._is_greeted:
            self._greet()

    def _meet_service(self, news: News) -> None:
        """Learns what the service knows, or what lies on disk where it is away from the beginning."""
        if not news.problem:
            self._attempt(self._learn())
        elif not self.board.jobs:
            self._attempt(self._read_disk())

    def _greet(self) -> None:
        self._is_greeted = True
        left_ms = memory.read_left_ms(self._left_path)
        self.tell(memory.news_since(left_ms, self.board.jobs.values(), self.board.now_ms()))

    async def _learn(self) -> None:
        agents = await in_thread(partial(self.client.get, "/agents"))
        projects = await in_thread(partial(self.client.get, "/projects"))
        self._completion.learn(agents["agents"], projects["projects"])

    async def _read_disk(self) -> None:
        answer = await in_thread(on_disk.jobs)
        if not self.board.jobs:
            kept = [job for job in answer["jobs"] if job["state"] not in _SETTLED]
            self.board.replace({**answer, "jobs": kept})
            self._redraw()

    def _redraw(self) -> None:
        self.jobs.redraw()
        self.query_one(Preview).watch_job(self.jobs.job)
        self._draw_frame()

    def _draw_frame(self) -> None:
        problem = f"{self.problem}   u: start it" if "is down" in self.problem else self.problem
        self.query_one("#header", Line).show(header(self.board, problem, self.size.width))
        self.query_one("#columns", Line).show(self.jobs.columns.heading())

    def _tick(self) -> None:
        """Draws the ages that have changed; the one clock of the dashboard."""
        self.jobs.draw_changes()
        self.set_timer(_TICK_S if self.jobs.has_young() else _SLOW_TICK_S, self._tick)

    # What the person does

    def on_job_list_selected(self) -> None:
        self.query_one(Preview).watch_job(self.jobs.job)

    def on_job_list_rearranged(self) -> None:
        self._draw_frame()

    def on_job_list_touched(self) -> None:
        self.tell("")

    def action_attach(self) -> None:
        if job := self._job():
            self._outside(("attach", str(job["number"])))

    def action_send(self) -> None:
        if job := self._job():
            self._sends_to = job["number"]
            self.prompt.begin(Mode.SEND, f"to #{job['number']} {job['agent']} {MARK}")

    def action_review(self) -> None:
        job = self.jobs.job
        is_first = job is not None and job["state"] == "review" and not job["is_in_place"]
        self._outside(("review", str(job["number"])) if job and is_first else ("review",))

    def action_diff(self) -> None:
        if job := self._job():
            self._attempt(self._show_diff(job))

    def action_land(self) -> None:
        if job := self._job():
            self._attempt(self._actions.land(job))

    def action_pick(self) -> None:
        if job := self._job():
            self._attempt(self._actions.pick(job, self.board.rivals(job)))

    def action_stop(self) -> None:
        if job := self._job():
            self._attempt(self._actions.stop(job))

    def action_resume(self) -> None:
        if job := self._job():
            self._attempt(self._actions.resume(job))

    def action_drop(self) -> None:
        if job := self._job():
            self._attempt(self._actions.drop(job))

    def action_browser(self) -> None:
        if job := self._job():
            self._attempt(self._show_web(job))

    def action_editor(self) -> None:
        if job := self._job():
            self._attempt(self._edit(job["worktree"] or job["path"]))

    def action_next(self) -> None:
        if not self.jobs.seek_waiting():
            self.tell("nobody waits for you")

    def action_search(self) -> None:
        self.prompt.begin(Mode.SEARCH, "/", self.board.search)

    def action_group(self) -> None:
        self.board.next_group()
        self._redraw()

    def action_clear(self) -> None:
        self.board.search = ""
        self._redraw()

    def action_command(self) -> None:
        self.prompt.begin(Mode.COMMAND)

    def action_up(self) -> None:
        if self.problem:
            self._run_outside(own_argv(("up",)), self._cwd, pauses=False)
            self._feed.retry()

    def action_help(self) -> None:
        self.push_screen(Reader("Keys", help_lines()))

    def action_redraw(self) -> None:
        self.query_one(Preview).ask()
        self.refresh(layout=True)

    # The prompt

    def on_prompt_left(self) -> None:
        if self.prompt.mode is Mode.SEARCH:
            self.action_clear()
        self._rest()

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        if event.mode is Mode.SEARCH:
            self.board.search = event.text
            self._redraw()

    def on_prompt_given(self, event: Prompt.Given) -> None:
        self._rest()
        if event.mode is Mode.SEND and event.text.strip():
            self._attempt(self._actions.send(self._sends_to, event.text))
        elif event.mode is Mode.COMMAND:
            self._attempt(self._carry_out(event.text))

    async def _carry_out(self, line: str) -> None:
        async with self._at_prompt:  # lines are carried out in the order in which they were typed
            outcome: Outcome = await in_thread(partial(run_line, line, self._cwd))
        if outcome.says and outcome.words:  # to be read before the screen is another one's
            await self.push_screen_wait(Reader(line, block(outcome.says)))
        elif outcome.says:
            self._show_text(line, outcome.says)
        if outcome.words:
            self._outside(outcome.words, heading=f"{MARK} {line}")
        elif outcome.argv:
            self._run_outside(outcome.argv, outcome.cwd or self._cwd, pauses=False)
        if outcome.is_end:
            self.exit()

    def _rest(self) -> None:
        self.prompt.rest()
        self.jobs.focus()
        self.tell("")

    def _completed(self, line: str) -> str:
        return self._completion.completed(line, self.board.jobs.values())

    # What it takes

    def _job(self) -> Json | None:
        job = self.jobs.job
        if job is None:
            self.tell('no job is selected: `:` and then all c:1 "your task" starts some')
        return job

    def _attempt(self, action: Coroutine[Any, Any, None]) -> None:
        """Does it beside the screen; what goes wrong is told."""
        self.run_worker(self._told(action), exit_on_error=True)

    async def _told(self, action: Coroutine[Any, Any, None]) -> None:
        try:
            await action
        except AiosError as error:
            self.tell(str(error).partition("\n")[0], is_error=True)

    async def _ask(self, question: str, names: Sequence[str]) -> bool:
        return await self.push_screen_wait(Question(question, names))

    async def _show_diff(self, job: Json) -> None:
        body = {"refs": [str(job["number"])], "cwd": "/"}
        answer = await in_thread(partial(self.client.post, "/jobs/diff", body))
        if not answer["files"]:
            self.tell(f"#{job['number']} no change")
            return
        heads = [plain(title, "bold") for title in answer["titles"]]
        cut = [plain(f"cut off: {answer['left_out']} bytes more", "bold")] if answer["left_out"] else []
        await self.push_screen(
            Reader(f"#{job['number']} {job['title']}", [*heads, *diff(answer["text"]), *cut])
        )

    async def _show_web(self, job: Json) -> None:
        said = await in_thread(partial(run_aside, own_argv(["attach", str(job["number"]), "--web"])))
        self._show_text("In the browser", said)

    async def _edit(self, directory: str) -> None:
        argv = await in_thread(partial(editor_argv, self.client))
        self._run_outside(argv, directory, pauses=False)

    def _show_text(self, title: str, text: str) -> None:
        """One line at the bottom, more of them on a page."""
        if "\n" in text.strip():
            self.push_screen(Reader(title, block(output.clean_block(text.strip()))))
        else:
            self.tell(text.strip())

    def _outside(self, words: Sequence[str], *, heading: str = "") -> None:
        self._run_outside(own_argv(words), self._cwd, pauses=not is_shown_until_left(words), heading=heading)

    def _run_outside(self, argv: Sequence[str], cwd: str, *, pauses: bool, heading: str = "") -> None:
        self._run(self, argv, cwd, pauses=pauses, heading=heading)
        self.query_one(Preview).ask()
