"""What the selected job's agent shows, or what is known of a job without one."""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from aios_app.cli import output
from aios_app.cli.client import Client, Json
from aios_app.cli.dashboard.cells import STATE_STYLES
from aios_app.cli.dashboard.details import details
from aios_app.cli.dashboard.line import Line
from aios_app.cli.dashboard.lines import Lines
from aios_app.cli.dashboard.strips import pieces, screen
from aios_app.cli.dashboard.threads import in_thread
from aios_app.domain.errors import AiosError

#: Seconds on one row before its screen is asked for: who only passes asks for nothing.
_REST_S = 0.08
#: What an agent draws comes after the event that says what it does.
_SETTLED_S = 2.0


class Preview(Vertical):
    """Asks for a screen when its job is selected or has news, and when the person comes back; never else."""

    def __init__(self, client: Client) -> None:
        super().__init__(id="preview")
        self._client = client
        self._job: Json | None = None
        self._soon: Timer | None = None
        self._later: Timer | None = None
        self._asks = 0
        self._title = Line(id="title")
        self._screen = Lines(id="screen")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._screen

    def watch_job(self, job: Json | None) -> None:
        """Shows this job from now on; called again with each news of it."""
        is_other = (job or {}).get("number") != (self._job or {}).get("number")
        if job == self._job and job is not None:
            return
        self._job = job
        self._draw_title()
        self._cancel()
        if job is None or not job["is_open"]:
            self._asks += 1
            self._screen.show(details(job, self.size.width) if job else [])
            return
        if is_other:
            self._screen.show([])
        self._soon = self.set_timer(_REST_S, self.ask)
        self._later = self.set_timer(_SETTLED_S, self.ask)

    def ask(self) -> None:
        """Asks for the screen as it is now."""
        if self._job and self._job["is_open"]:
            self._asks += 1
            self.run_worker(self._show(self._job["number"], self._asks), exclusive=False)

    def on_resize(self) -> None:
        self._draw_title()
        if self._job and not self._job["is_open"]:
            self._screen.show(details(self._job, self.size.width))
        else:
            self.ask()

    async def _show(self, number: int, asked: int) -> None:
        try:
            answer = await in_thread(partial(self._client.get, f"/jobs/{number}/history?lines=0"))
        except AiosError:
            return  # its agent has just ended, or the stack: events tell
        if asked == self._asks:
            self._screen.show(screen(answer["text"])[-max(self._screen.size.height, 1) :])

    def _draw_title(self) -> None:
        job = self._job
        if job is None:
            self._title.show(pieces([("─" * self.size.width, "dim")]))
            return
        who = f" #{job['number']} {output.clean(job['project'])} {output.clean(job['agent'])} "
        state = (output.clean(job["state"]), STATE_STYLES.get(job["state"], ""))
        title = f" {output.clean(job['title'])} " if job["title"] else " "
        rest = max(self.size.width, 1)
        self._title.show(pieces([("──", "dim"), (who, "bold"), state, (title, ""), ("─" * rest, "dim")]))

    def _cancel(self) -> None:
        for timer in (self._soon, self._later):
            if timer is not None:
                timer.stop()
