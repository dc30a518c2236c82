"""Releases of AIOS side by side: which is current, which was before, and what became of the last update.

Of one person, for all of their instances, in ``~/.local/lib/aios``: ``current`` and ``previous`` are links to
the top of a checkout, which is a person's own until the first update, then ``releases/COMMIT``. All of it can
be made anew but for these links.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from aios_app.domain.errors import InstanceBusy, StackError
from aios_app.settings import Settings
from aios_app.stack.locks import open_lock, try_lock

logger = logging.getLogger(__name__)

#: In the git directory of a release whose environment is made and checked.
_READY = ".git/aios-ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is remembered from update to update."""

    failure: str = ""  #: of the last one that failed; empty once one has worked
    failed_s: int = 0
    skipped: str = (
        ""  #: a commit that did not come up, or that the person went back from: not taken by itself
    )
    taking: str = ""  #: the name of the release that is being gone over to; empty once that is over


class Releases:
    """The releases of one person."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.programs_dir
        self.source = self.home / "source.git"
        self.folder = self.home / "releases"
        self.link = self.home / "current"
        self._before = self.home / "previous"
        self._notes = self.home / "update.json"

    @property
    def current(self) -> Path | None:
        """The top of the checkout that the command ``aios`` runs from; None where none is installed."""
        return _followed(self.link)

    @property
    def previous(self) -> Path | None:
        """The one before it, where it is still there."""
        before = _followed(self._before)
        return None if before == self.current else before

    def place(self, commit: str) -> Path:
        """Where the release of this commit is, or will be."""
        return self.folder / commit

    def is_release(self, root: Path) -> bool:
        """Whether that checkout is ours, and no person's own."""
        return root.parent == self.folder.resolve()

    def is_ready(self, root: Path) -> bool:
        return (root / _READY).exists()

    def mark_ready(self, root: Path) -> None:
        """Says that all of it is there; after a power cut too."""
        os.sync()
        (root / _READY).touch()
        _sync(root / ".git")

    def switch(self, root: Path) -> None:
        """Makes it the current one, in one step; what was current is the one before."""
        with _writing():
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            old = self.current
            if old is not None and old != root:
                _point(self._before, old)
            _point(self.link, root)

    def undo_switch(self, root: Path, previous: Path | None) -> None:
        """As it was before a switch."""
        _point(self.link, root)
        if previous is None:
            self._before.unlink(missing_ok=True)
        else:
            _point(self._before, previous)

    def forget(self) -> None:
        """Nothing is installed any more; the releases stay."""
        for link in (self.link, self._before):
            link.unlink(missing_ok=True)

    @contextmanager
    def updating(self) -> Iterator[int]:
        """One update at a time: raises ``InstanceBusy`` while another one, or what it started, is at work.

        The descriptor is for the programs that are started inside, so that they count as well.
        """
        with _writing():
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = open_lock(self.home / "update.lock")
        try:
            if not try_lock(descriptor):
                raise InstanceBusy("another update is at work: try again when it is over")
            yield descriptor
        finally:
            # What git leaves behind, such as its memory for passwords, has the descriptor for a week.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def clear(self, root: Path) -> None:
        """Removes a release, be it whole or what a killed update left of it."""
        try:
            if root.exists():
                (root / _READY).unlink(missing_ok=True)
                shutil.rmtree(root)
        except OSError as error:
            raise StackError(f"{root} cannot be removed: {error.strerror}") from error

    def clear_old(self) -> None:
        """Removes all but the current one, the one before, and those whose programs or agents still run."""
        kept = {self.current, self.previous}
        found = [root for root in self.folder.resolve().glob("*") if root not in kept]
        words = _words_of_processes() if found else ""
        for root in found:
            if f"{root}/" not in words:
                with contextlib.suppress(StackError):
                    self.clear(root)

    @property
    def notes(self) -> Notes:
        try:
            return Notes(**json.loads(self._notes.read_text()))
        except (OSError, ValueError, TypeError):
            return Notes()

    def note(self, notes: Notes) -> None:
        """On a disk that takes nothing they stay as they were."""
        fresh = self._notes.with_suffix(f".{os.getpid()}")
        try:
            fresh.write_text(json.dumps(asdict(notes)))
            fresh.replace(self._notes)
        except OSError as error:
            logger.warning("%s not written: %s", self._notes, error.strerror)
            with contextlib.suppress(OSError):
                fresh.unlink()

    def note_failure(self, words: str, *, skipped: str | None = None) -> None:
        """Keeps why an update failed, for ``aios doctor`` and ``aios update``."""
        kept = self.notes if skipped is None else Notes(skipped=skipped)
        self.note(replace(kept, failure=words, failed_s=int(time.time())))

    def note_taking(self, root: Path) -> None:
        """Keeps what is being gone over to, for the update after one that is cut off."""
        self.note(replace(self.notes, taking=root.name))

    @classmethod
    def failure_line(cls, settings: Settings) -> str:
        """When and why the last update failed; empty where it did not."""
        notes = cls(settings).notes
        if not notes.failure:
            return ""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(notes.failed_s))
        return f"the last update failed ({when}): {notes.failure}"


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StackError(f"cannot write {error.filename2 or error.filename}: {error.strerror}") from error


def _followed(link: Path) -> Path | None:
    try:
        return link.resolve(strict=True) if link.is_symlink() else None
    except (OSError, RuntimeError):
        return None


def _point(link: Path, root: Path) -> None:
    """In one step, kept after a power cut: the link leads to the old or to the new one, at any time."""
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(root)
    fresh.replace(link)
    _sync(link.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words_of_processes() -> str:
    """Command lines and environments of all that may be looked at: agents call their hooks by full paths."""
    words: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words += [*process.cmdline(), *process.environ().values()]
    return "\n".join(words)
