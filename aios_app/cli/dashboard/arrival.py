"""Waiting for the service without asking for it again and again: its socket appears in a directory."""

from __future__ import annotations

import threading
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from aios_app.cli.client import Client
from aios_app.stack.waiting import tries

#: Seconds from the socket's appearing to the first connection that it takes.
_LISTENS_AFTER_S = 2.0


class _Handler(FileSystemEventHandler):
    def __init__(self, socket: Path, wake: threading.Event) -> None:
        self._socket = str(socket)
        self._wake = wake
        self.has_come = False

    def on_any_event(self, event: FileSystemEvent) -> None:
        if self._socket in {event.src_path, event.dest_path}:
            self.has_come = True
            self._wake.set()


def await_service(client: Client, socket: Path, wake: threading.Event) -> None:
    """Returns when the service may be there, or when ``wake`` is set by somebody else."""
    directory = socket.parent
    if not directory.is_dir():  # nothing was ever started here, and looking makes nothing
        wake.wait()
        return
    observer, handler = Observer(), _Handler(socket, wake)
    observer.schedule(handler, str(directory))
    observer.start()
    try:
        if not client.is_up():
            wake.wait()
    finally:
        observer.stop()
        observer.join()
    if handler.has_come:
        _await_answer(client)


def _await_answer(client: Client) -> None:
    """A socket is there a moment before somebody listens on it."""
    for _ in tries(_LISTENS_AFTER_S):
        if client.is_up():
            return
