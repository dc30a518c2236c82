"""Turns files of the spool into calls, one after another, as soon as they appear."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from watchdog.events import FileClosedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from aios_app.spool.files import TEMPORARY, Signal, SpoolName, read_payload

_log = logging.getLogger(__name__)

REJECTED = "rejected"
#: So many refused files are kept to look at; a further one takes the place of the oldest.
MAX_REJECTED = 100
#: A half-written file of this age was left by a program that was killed.
_STALE_S = 3600


class SpoolWatcher:
    """Calls ``handle`` with each signal, in order, on one thread of its own.

    A file is removed after ``handle`` returned. Where it raises, the file stays, and what follows of the same
    attempt waits behind it, until ``rescan``.
    """

    def __init__(self, spool_dir: Path, handle: Callable[[Signal], None]) -> None:
        self._dir = spool_dir
        self._handle = handle
        self._wake = threading.Event()
        self._is_stopping = False
        self._held: set[str] = set()  #: attempts with a signal that could not be handled
        self._is_rescan = False
        self._rejected = 0
        self._unmovable = {REJECTED}
        self._observer = Observer()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Handle what is there, then what comes."""
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._dir / REJECTED).mkdir(mode=0o700, exist_ok=True)
        self._remove_stale()
        # Only these two kinds: the watcher's own reading must not wake it.
        kinds: list[type[FileSystemEvent]] = [FileMovedEvent, FileClosedEvent]
        self._observer.schedule(_Waker(self._wake), str(self._dir), event_filter=kinds)
        self._observer.start()
        self._wake.set()
        self._thread.start()

    def rescan(self) -> None:
        """Try everything again that lies in the spool: after an outage, or to be sure."""
        self._is_rescan = True
        self._wake.set()

    def stop(self) -> None:
        """Return when the signal at hand has been handled; the others stay for the next start."""
        self._is_stopping = True
        self._observer.stop()
        self._observer.join()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while self._wake.wait() and not self._is_stopping:
            self._wake.clear()
            if self._is_rescan:
                self._is_rescan = False
                self._held.clear()
            try:
                self._read_all()
            except OSError:
                _log.exception("the spool cannot be read", extra={"path": str(self._dir)})

    def _read_all(self) -> None:
        for name in self._names():
            if self._is_stopping:
                return
            if name.attempt not in self._held:
                self._take(name)

    def _names(self) -> list[SpoolName]:
        names = []
        for name in os.listdir(self._dir):  # noqa: PTH208 - names alone are wanted, as cheaply as can be
            parsed = SpoolName.parse(name)
            if parsed is not None:
                names.append(parsed)
            elif name not in self._unmovable and not name.startswith(TEMPORARY):
                self._reject(name)
        return sorted(names)

    def _take(self, name: SpoolName) -> None:
        path = self._dir / name.name
        try:
            payload = read_payload(path)
        except FileNotFoundError:
            return
        except OSError:
            self._reject(name.name)
            return
        if name.is_notice:
            self._take_notice(path, name.signal(payload))
        elif self._is_handled(name.signal(payload)):
            path.unlink(missing_ok=True)

    def _take_notice(self, path: Path, notice: Signal) -> None:
        path.unlink(missing_ok=True)  # before it is handled: the next one may come meanwhile
        if not self._is_handled(notice):
            path.touch()

    def _is_handled(self, signal: Signal) -> bool:
        try:
            self._handle(signal)
        except Exception:  # noqa: BLE001 - logged below; the signal is kept, whatever happened
            self._held.add(signal.attempt)
            facts = {"attempt": signal.attempt, "signal": signal.kind}
            _log.exception("a signal could not be handled, it is kept", extra=facts)
            return False
        return True

    def _reject(self, name: str) -> None:
        _log.warning("no signal: moved to %s", REJECTED, extra={"file": name[:200]})
        place = self._dir / REJECTED / f"{self._rejected % MAX_REJECTED:03d}"
        self._rejected += 1
        try:
            (self._dir / name).rename(place)
        except OSError:
            self._unmovable.add(name)

    def _remove_stale(self) -> None:
        for path in self._dir.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > _STALE_S:
                    path.unlink()


class _Waker(FileSystemEventHandler):
    """Sets an event at whatever watchdog reports: the directory itself is read for what it is."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def on_any_event(self, _event: FileSystemEvent) -> None:
        self._wake.set()
