"""One program on a terminal of its own, read and written by the event loop. Linux, as the stack is."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable, Mapping, Sequence

#: Read at once at most; the kernel gives 4 KiB at a time.
_GATHERED = 64 * 1024
#: Seconds that the program has to end once its terminal is gone.
_GRACE_S = 5.0


class Pty:
    """Starts the program at once; ``on_output`` gets what it writes, ``on_end`` comes after the last of it.

    Belongs to the event loop that it is made in. After ``close`` neither is called.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        size: tuple[int, int],
        on_output: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        """``size`` is columns and rows."""
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._on_end = on_end
        self._is_reading = False
        self._is_writable: asyncio.Future[None] | None = None
        self._master, slave = os.openpty()
        try:
            self.resize(size)
            os.set_blocking(self._master, False)
            pid = _spawn(argv, environment, os.ttyname(slave))
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self._child = _Child(self._loop, pid)
        self.read(is_wanted=True)

    @property
    def is_open(self) -> bool:
        return self._master >= 0

    def resize(self, size: tuple[int, int]) -> None:
        """The program is told of the new size."""
        columns, rows = size
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, *, is_wanted: bool) -> None:
        """Whether output is taken; while it is not, the program waits with it."""
        if self.is_open and is_wanted != self._is_reading:
            self._is_reading = is_wanted
            if is_wanted:
                self._loop.add_reader(self._master, self._read)
            else:
                self._loop.remove_reader(self._master)

    def write(self, data: bytes) -> bytes:
        """Gives the program input at once; returns what it did not take yet."""
        try:
            return data[os.write(self._master, data) :]
        except BlockingIOError:
            return data
        except OSError:  # it has ended, which its output will tell
            return b""

    async def write_all(self, data: bytes) -> None:
        """Gives the program all of the input, however long it takes; returns early when this is closed."""
        while self.is_open and (data := self.write(data)):
            self._is_writable = self._loop.create_future()
            self._loop.add_writer(self._master, self._wake)
            await self._is_writable

    def close(self) -> None:
        """Hangs up. The program ends by that, or is killed a little later."""
        if not self.is_open:
            return
        self.read(is_wanted=False)
        self._wake()
        os.close(self._master)
        self._master = -1
        self._child.end_within(_GRACE_S)

    def _wake(self) -> None:
        self._loop.remove_writer(self._master)
        if self._is_writable is not None and not self._is_writable.done():
            self._is_writable.set_result(None)

    def _read(self) -> None:
        taken, is_over = _read_all(self._master)
        if taken:
            self._on_output(taken)
        if is_over:
            self.close()
            self._on_end()


def _read_all(descriptor: int) -> tuple[bytes, bool]:
    """What there is, up to a limit, and whether that was the last."""
    parts, size = [], 0
    try:
        while size < _GATHERED:
            parts.append(os.read(descriptor, _GATHERED))
            size += len(parts[-1])
    except BlockingIOError:
        return b"".join(parts), False
    except OSError:  # EIO: no program has the terminal open any more
        return b"".join(parts), True
    return b"".join(parts), False


def _spawn(argv: Sequence[str], environment: Mapping[str, str], terminal: str) -> int:
    """Leads a session of its own, so that the terminal it opens first controls it."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]
    ignored = [signal.SIGPIPE, signal.SIGXFSZ]  # by Python, for itself
    return os.posix_spawn(
        argv[0],
        list(argv),
        dict(environment),
        file_actions=actions,
        setsid=True,
        setsigdef=ignored,
        setsigmask=[],
    )


class _Child:
    """A process that is collected once it has ended, without waiting for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pid: int) -> None:
        self._loop = loop
        self._pid = pid
        self._descriptor = os.pidfd_open(pid)
        self._killing: asyncio.TimerHandle | None = None
        loop.add_reader(self._descriptor, self._reap)

    def end_within(self, seconds: float) -> None:
        """Kills it unless it ends by itself."""
        if self._descriptor >= 0:
            self._killing = self._loop.call_later(seconds, self._kill)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _reap(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        os.waitpid(self._pid, 0)
        if self._killing is not None:
            self._killing.cancel()
