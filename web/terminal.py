"""A job's terminal in a browser: one tmux client on a terminal of its own for each that looks.

Nothing is kept for who comes late or comes back: tmux draws the whole screen anew. While a browser does not
keep up its tmux client is not read, and soon let go: tmux would hold back more and more for it. The agent
does not notice, and the browser gets a client and the whole screen again once it goes on.

The terminal of another machine's job comes from that machine's node, message by message: what is acknowledged
here is acknowledged there, so that no more is ever under way.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from tornado.websocket import WebSocketClosedError, WebSocketProtocol

from aios_app.domain.errors import AiosError, MachineAway, QueueError, UnknownJob
from aios_app.domain.models import Job
from aios_app.services.context import Context
from aios_app.services.view_job import View, look_at, session_job, take_over
from web.access import Grant
from web.direct import DirectProtocol
from web.door import Close
from web.entrance import shared
from web.far_terminal import FarTerminal
from web.guarded import Visitor
from web.handlers import call_service
from web.pty import Pty
from web.sockets import GuardedSocket
from web.window import Window

#: Of one session: so many by login, and as many by links, which keep nobody else out.
MAX_VIEWERS = 16
#: Seconds that the tmux client of a browser is kept that does not keep up.
_PATIENCE_S = 2.0
#: Ends whatever sequence was cut off, and clears the terminal.
_RESET = b"\x18\x1bc"
_MAX_COLUMNS, _MAX_ROWS = 1000, 500
_USUAL_SIZE = (80, 24)
#: All that a tmux client needs that draws in a browser. It gets nothing of this process's own.
_ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class NotUnderstood(AiosError):
    """The message is none that a terminal takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """A job, what may look at it, and the view of it; None: its terminal is on another machine."""

    job: Job
    grant: Grant
    read_only: bool
    view: View | None = None


class TerminalHandler(GuardedSocket):
    """``/attach/SESSION``; the messages are those of ``docs/web.md``."""

    def initialize(self) -> None:
        self.session = ""
        self._argv: list[str] = []
        self._size = _USUAL_SIZE
        self._read_only = True
        self._pty: Pty | None = None
        self._far: FarTerminal | None = None
        self._window = Window(on_full=self._pause, on_room=self._go_on)
        self._giving_up: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        usual = super().get_websocket_protocol()
        if usual is None or self.is_encrypted:
            return usual
        limit, ping_s = self.max_message_size, float(self.ping_interval or 0)
        return DirectProtocol(self, limit=limit, ping_s=ping_s)

    @property
    def is_encrypted(self) -> bool:
        """Whether the bytes come by TLS."""
        return self.door.place.tls is not None

    async def open(self, session: str) -> None:
        self.set_nodelay(True)
        self.session = session
        self.enter(self.visitor.owner or next(iter(self.visitor.shares.values())))
        if self._viewers() > MAX_VIEWERS:
            self.leave(Close.TOO_MANY, f"{MAX_VIEWERS} look at this session already")
            return
        try:
            await self._attach()
        except NotUnderstood as error:
            self.leave(Close.NOT_UNDERSTOOD, str(error))
        except QueueError:
            self.leave(Close.REDIS_AWAY, "Redis does not answer")
        except MachineAway as error:
            self.leave(Close.MACHINE_AWAY, str(error))
        except AiosError as error:
            self.leave(Close.NOTHING_THERE, str(error))

    def on_message(self, message: str | bytes) -> Any:  # noqa: ANN401 - Tornado reads on when it is done
        """Input is taken as quickly as tmux takes it."""
        if self._far is not None:
            return None if self._read_only and isinstance(message, bytes) else self._far.send(message)
        try:
            if isinstance(message, str):
                self._obey(message)
            elif self._pty is not None and not self._read_only:
                rest = self._pty.write(message)
                return self._pty.write_all(rest) if rest else None
        except NotUnderstood as error:
            self.leave(Close.NOT_UNDERSTOOD, str(error))
        return None

    def leave(self, code: Close, reason: str) -> None:
        self._hang_up()
        super().leave(code, reason)

    def on_close(self) -> None:
        self._hang_up()
        super().on_close()

    def _hang_up(self) -> None:
        self._cancel_giving_up()
        if self._pty is not None:
            self._pty.close()
            self._pty = None
        if self._far is not None:
            self._far.close()

    def _viewers(self) -> int:
        terminals = [one for one in self.doorway.sockets if isinstance(one, TerminalHandler)]
        is_guest = self.visitor.owner is None
        return sum(
            one.session == self.session and (one.visitor.owner is None) == is_guest and not one.is_left
            for one in terminals
        )

    async def _attach(self) -> None:
        self._size = self._asked_size()
        asked = {"session": self.session, "visitor": self.visitor, "read_only": self._asks_read_only()}
        sight = await asyncio.to_thread(call_service, _find, self.doorway.context, asked)
        if self.is_left:
            return
        self.enter(sight.grant)
        self._read_only = sight.read_only
        if sight.view is None:
            await self._pass_on(sight)
        else:
            self._show(sight, sight.view)

    def _show(self, sight: _Sight, view: View) -> None:
        job = view.job.to_json()
        hello = {
            "job": shared(job) if sight.grant.job else job,
            "read_only": sight.read_only,
            "is_resumed": view.is_resumed,
        }
        self.write_message(json.dumps({"hello": hello}))
        self._argv = [*view.argv, "-E"]  # the session keeps its environment, whatever ours is
        self._draw()

    async def _pass_on(self, sight: _Sight) -> None:
        """Through the node of the job's machine, which checks again what a link allows."""
        if self.doorway.nodes is None:
            raise MachineAway(f"#{sight.job.number} is not on this machine any more: try again")
        size = self._size
        asked = {"cols": size[0], "rows": size[1], "read_only": int(sight.read_only), "link": sight.grant.job}
        path = f"/attach/{sight.job.name}?{urlencode(asked)}"
        far = await self.doorway.nodes.terminal(sight.job.machine, path)
        self._far = FarTerminal(far, self)
        if self.is_left:
            self._far.close()
        elif self._size != size:
            await self._far.send(json.dumps({"resize": self._size}))

    def _draw(self) -> None:
        self._pty = Pty(
            self._argv, environment=_ENVIRONMENT, size=self._size, on_output=self._send, on_end=self._end
        )

    def _asked_size(self) -> tuple[int, int]:
        if not (self.get_query_argument("cols", "") or self.get_query_argument("rows", "")):
            return _USUAL_SIZE
        try:
            return _size([int(self.get_query_argument(name, "")) for name in ("cols", "rows")])
        except ValueError as error:
            raise NotUnderstood("cols and rows are whole numbers") from error

    def _asks_read_only(self) -> bool:
        return self.get_query_argument("read_only", "") == "1"

    def _send(self, data: bytes) -> None:
        try:
            sending = self.write_message(data, binary=True)
        except WebSocketClosedError:
            self._hang_up()
            return
        self._window.put(len(data))
        if sending.done():
            self._note_sent(sending, len(data))
        else:
            sending.add_done_callback(lambda done: self._note_sent(done, len(data)))

    def _note_sent(self, done: asyncio.Future[None], size: int) -> None:
        if done.cancelled() or done.exception() is not None:
            self._hang_up()
        else:
            self._window.sent(size)

    def _pause(self) -> None:
        if self._pty is not None:
            self._pty.read(is_wanted=False)
            self._giving_up = asyncio.get_running_loop().call_later(_PATIENCE_S, self._hang_up)

    def _go_on(self) -> None:
        self._cancel_giving_up()
        if self._pty is not None:
            self._pty.read(is_wanted=True)
        elif self._ending is None and not self.is_left:
            self._send(_RESET)
            self._draw()

    def _cancel_giving_up(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()

    def _obey(self, message: str) -> None:
        try:
            [(name, value)] = json.loads(message).items()
        except (ValueError, AttributeError, RecursionError) as error:
            raise NotUnderstood('a text message is {"ack": N} or {"resize": [COLUMNS, ROWS]}') from error
        if name == "resize":
            self._size = _size(value)
            if self._pty is not None:
                self._pty.resize(self._size)
        elif name != "ack" or type(value) is not int or not self._window.acknowledge(value):
            raise NotUnderstood("only what was sent can be acknowledged, and nothing else be asked")

    def _end(self) -> None:
        self._pty = None
        self._ending = asyncio.create_task(self._say_end())

    async def _say_end(self) -> None:
        is_there = await asyncio.to_thread(_is_there, self.doorway.context, self.session)
        code = Close.DETACHED if is_there else Close.ENDED
        self.leave(code, "detached" if is_there else "the session has ended")


def _find(ctx: Context, *, session: str, visitor: Visitor, read_only: bool) -> _Sight:
    """What this visitor sees of the session; raises ``UnknownJob`` also where it must not be seen."""
    job = session_job(ctx, session)
    grant = visitor.grant_for(job.number) if job else None
    if job is None or grant is None:
        raise UnknownJob(f"AIOS has no session {session}")
    read_only = read_only or bool(grant.job)
    sight = _Sight(job=job, grant=grant, read_only=read_only)
    if job.machine and job.machine != ctx.machine:
        return sight
    view = look_at(ctx, job) if grant.job else take_over(ctx, job, read_only=read_only)
    return replace(sight, view=view)


def _is_there(ctx: Context, session: str) -> bool:
    try:
        return ctx.tmux.find(session) is not None
    except AiosError:
        return False


def _size(value: object) -> tuple[int, int]:
    match value:
        case [int(columns), int(rows)] if 2 <= columns <= _MAX_COLUMNS and 1 <= rows <= _MAX_ROWS:
            return columns, rows
    raise NotUnderstood(f"a size is [COLUMNS, ROWS], at most [{_MAX_COLUMNS}, {_MAX_ROWS}]")
