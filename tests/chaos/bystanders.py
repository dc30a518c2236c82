"""Who is there while jobs land: a person in the middle of their own work, and others who push."""

from __future__ import annotations

import subprocess
import threading
from types import TracebackType
from typing import Self

from tests.chaos.fleet import Fleet
from tests.chaos.landings import Shop


class Desk:
    """A person's checkout in the middle of their own work."""

    def __init__(self, fleet: Fleet, place: Shop) -> None:
        self._fleet, self._path = fleet, place.path
        (self._path / "notes.txt").write_text("first\n")
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "notes")
        if self._git("remote"):
            self._git("push", "-q")
        self._before: object = None

    def edit(self) -> None:
        """Something changed, something staged, something new."""
        (self._path / "notes.txt").write_text("mine\n")
        (self._path / "staged.txt").write_text("staged\n")
        self._git("add", "staged.txt")
        (self._path / "staged.txt").write_text("changed since\n")
        (self._path / "new.txt").write_text("new\n")
        self._before = self._now()

    def check_untouched(self) -> None:
        """All is as it was, to the byte."""
        assert self._now() == self._before

    def commit_all(self) -> None:
        """What a person types next; it holds their own work, and undoes nobody's."""
        self._git("commit", "-q", "-a", "-m", "mine")
        names = self._git("show", "--format=", "--name-only", "HEAD").splitlines()
        assert sorted(names) == ["notes.txt", "staged.txt"]

    def _now(self) -> object:
        files = [(self._path / name).read_bytes() for name in ("notes.txt", "staged.txt", "new.txt")]
        return files, self._git("diff"), self._git("diff", "--cached")

    def _git(self, *words: str) -> str:
        return self._fleet.git(self._path, *words)


class Foreigners:
    """Others who push to the branch until the block ends."""

    def __init__(self, fleet: Fleet, place: Shop) -> None:
        self.pushed: list[str] = []
        self._fleet = fleet
        self._path = fleet.root / f"foreign-{place.name}"
        fleet.git(fleet.root, "clone", "-q", str(place.remote), str(self._path))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._push_all)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _push_all(self) -> None:
        while not self._is_over.wait(0.5):
            subject = f"foreign {len(self.pushed)}"
            (self._path / f"{subject}.txt").write_text(subject)
            self._fleet.git(self._path, "add", "-A")
            self._fleet.git(self._path, "commit", "-q", "-m", subject)
            while not self._is_pushed():
                self._fleet.git(self._path, "pull", "-q", "--rebase")
            self.pushed.append(subject)

    def _is_pushed(self) -> bool:
        try:
            self._fleet.git(self._path, "push", "-q")
        except subprocess.CalledProcessError:
            return False
        return True
