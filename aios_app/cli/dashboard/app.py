"""The dashboard: what its keys and its prompt do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from textual.events import Key, Paste

from aios_app.cli import output
from aios_app.cli.client import Client, Json
from aios_app.cli.dashboard.actions import Actions
from aios_app.cli.dashboard.asking import Question, Reader
from aios_app.cli.dashboard.completion import complete
from aios_app.cli.dashboard.editor import editor_argv
from aios_app.cli.dashboard.keys import help_lines
from aios_app.cli.dashboard.live import Live
from aios_app.cli.dashboard.outside import is_shown_until_left, own_argv, run_aside, run_outside
from aios_app.cli.dashboard.prompt import Mode, Prompt
from aios_app.cli.dashboard.strips import block, diff, plain
from aios_app.cli.dashboard.threads import in_thread
from aios_app.cli.prompt_line import MARK, Outcome, run_line
from aios_app.domain.errors import AiosError
from aios_app.settings import Settings


class Dashboard(Live):
    """Acts on the selected job, for a person in a directory."""

    def __init__(
        self, client: Client, settings: Settings, cwd: str, run: Callable[..., None] = run_outside
    ) -> None:
        """``cwd`` is the person's directory, ``run`` gives the terminal to a program."""
        super().__init__(client, settings)
        self._cwd = cwd
        self._run = run
        self._actions = Actions(client, self._ask, self.tell)
        self._sends_to = 0
        self._at_prompt = asyncio.Lock()  # lines are carried out in the order in which they were typed
        self._is_at_rest = asyncio.Event()
        self._is_at_rest.set()

    def action_attach(self) -> None:
        if job := self._job():
            self._outside(("attach", str(job["number"])))

    def action_send(self) -> None:
        if job := self._job():
            self._sends_to = job["number"]
            self._begin(Mode.SEND, f"to #{job['number']} {job['agent']} {MARK}")

    def action_review(self) -> None:
        job = self.jobs.job
        is_first = job is not None and job["state"] == "review" and not job["is_in_place"]
        self._outside(("review", str(job["number"])) if job and is_first else ("review",))

    def action_diff(self) -> None:
        if job := self._job():
            self.attempt(self._show_diff(job))

    def action_land(self) -> None:
        if job := self._job():
            self.attempt(self._actions.land(job))

    def action_pick(self) -> None:
        if job := self._job():
            self.attempt(self._actions.pick(job, self.board.rivals(job)))

    def action_stop(self) -> None:
        if job := self._job():
            self.attempt(self._actions.stop(job))

    def action_resume(self) -> None:
        if job := self._job():
            self.attempt(self._actions.resume(job))

    def action_drop(self) -> None:
        if job := self._job():
            self.attempt(self._actions.drop(job))

    def action_browser(self) -> None:
        if job := self._job():
            self.attempt(self._show_web(job))

    def action_editor(self) -> None:
        if job := self._job():
            self.attempt(self._edit(job["worktree"] or job["path"]))

    def action_next(self) -> None:
        if not self.jobs.seek_waiting():
            self.tell("nobody waits for you")

    def action_search(self) -> None:
        self._begin(Mode.SEARCH, "/", self.board.search)

    def action_group(self) -> None:
        self.board.next_group()
        self.redraw()

    def action_clear(self) -> None:
        self.board.search = ""
        self.redraw()

    def action_command(self) -> None:
        self._begin(Mode.COMMAND, MARK)

    def action_up(self) -> None:
        if self.problem:
            self._run_outside(own_argv(("up",)), self._cwd, pauses=False)
            self._feed.retry()

    def action_help(self) -> None:
        self.push_screen(Reader("Keys", help_lines()))

    def action_redraw(self) -> None:
        self.preview.ask()
        self.refresh(layout=True)

    # The prompt

    def on_prompt_left(self) -> None:
        if self.prompt.mode is Mode.SEARCH:
            self.action_clear()
        self._rest()

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        if event.mode is Mode.SEARCH:
            self.board.search = event.text
            self.redraw()

    def on_prompt_completes(self) -> None:
        if self.prompt.mode is Mode.COMMAND:
            self.attempt(self._complete(self.prompt.input.value))

    def on_prompt_given(self, event: Prompt.Given) -> None:
        if event.mode is Mode.COMMAND:
            self.attempt(self._carry_out_all([event.text]))
            return
        self._rest()
        if event.mode is Mode.SEND and event.text.strip():
            self.attempt(self._actions.send(self._sends_to, event.text))

    def on_key(self, event: Key) -> None:
        """What was typed in a hurry, before the prompt had the keys, comes to it from the list."""
        is_typed = event.is_printable or event.key == "enter"
        if is_typed and self.prompt.mode is not Mode.REST and len(self.screen_stack) == 1:
            event.prevent_default()
            self.prompt.input.post_message(Key(event.key, event.character))

    def on_paste(self, event: Paste) -> None:
        """What is pasted over the list is meant for the prompt."""
        if self.prompt.mode is Mode.REST and len(self.screen_stack) == 1:
            self.action_command()
            self.prompt.post_message(Prompt.Pasted(event.text))

    def on_prompt_lines(self, event: Prompt.Lines) -> None:
        self.attempt(self._carry_out_pasted(event.lines))

    async def _carry_out_pasted(self, lines: Sequence[str]) -> None:
        question = f"Run these {len(lines)} lines, one after another?"
        if await self.push_screen_wait(Question(question, lines)):
            for line in lines:
                self.prompt.keep(line)
            await self._carry_out_all(lines)

    async def _carry_out_all(self, lines: Sequence[str]) -> None:
        """One after another, up to the first that cannot be carried out."""
        async with self._at_prompt:
            for number, line in enumerate(lines, start=1):
                try:
                    await self._carry_out(line)
                except AiosError as error:
                    if left := len(lines) - number:
                        raise AiosError(f"{error}   (not run: {left} more)") from error
                    raise

    async def _carry_out(self, line: str) -> None:
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

    def _begin(self, mode: Mode, label: str, text: str = "") -> None:
        self._is_at_rest.clear()
        self.prompt.begin(mode, label, text)
        self.tell("")

    def _rest(self) -> None:
        self._is_at_rest.set()
        self.prompt.rest()
        self.jobs.focus()
        self.tell("")

    async def _complete(self, line: str) -> None:
        completed, words = await in_thread(partial(complete, line))
        if self.prompt.mode is Mode.COMMAND and self.prompt.input.value == line:
            self.prompt.change(completed)
            self.tell(" ".join(words) if len(words) > 1 else "")

    # What it takes

    def _job(self) -> Json | None:
        job = self.jobs.job
        if job is None:
            self.tell('no job is selected: `:` and then all c:1 "your task" starts some')
        return job

    async def _ask(self, question: str, names: Sequence[str]) -> bool:
        if not self._is_at_rest.is_set():  # what is typed there is no answer
            self.tell("Esc: a question waits for you")
            await self._is_at_rest.wait()
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
        self.preview.ask()
