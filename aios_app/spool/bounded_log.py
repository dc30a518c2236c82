"""A log of which the end is kept, so that no program's output fills the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from aios_app.domain.errors import ExternalError

#: Bytes of the end that are kept at least; a log takes at most twice as many.
KEPT_BYTES = 1 << 20


class BoundedLog:
    """A fresh file, in the place of one that was there. What is written can be read at once."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # who reads the old one goes on doing so
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise ExternalError(f"{path} cannot be written: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "w+b", buffering=0)
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Adds to the end; the beginning goes once there is too much. A full disk stops nobody."""
        with contextlib.suppress(OSError):
            self._size += self._file.write(data)
            if self._size > 2 * KEPT_BYTES:
                self._cut()

    def _cut(self) -> None:
        self._file.seek(-KEPT_BYTES, os.SEEK_END)
        end = self._file.read(KEPT_BYTES)
        self._file.seek(0)
        self._file.truncate()
        self._size = self._file.write(b"... (the beginning is left out)\n" + end)
